#!lua
-- Saves a record if what is there is what was expected. The same call twice saves it once.
-- KEYS  records, keys of the records, revisions, layout
-- ARGV  key, revision expected or nothing for none, value, store, most records
if redis.call('HGET', KEYS[4], 'id') ~= ARGV[4] then return {'wiped'} end
local stored = redis.call('HGET', KEYS[1], ARGV[1])
local revision = ''
if stored then
  local space = string.find(stored, ' ', 1, true)
  revision = string.sub(stored, 1, space - 1)
  if string.sub(stored, space + 1) == ARGV[3] then return {'yes', revision} end
end
if revision ~= ARGV[2] then return {'changed'} end
if not stored and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[5]) then return {'full'} end
revision = string.format('%.0f', redis.call('INCR', KEYS[3]))
redis.call('HSET', KEYS[1], ARGV[1], revision .. ' ' .. ARGV[3])
redis.call('ZADD', KEYS[2], 0, ARGV[1])
return {'yes', revision}
