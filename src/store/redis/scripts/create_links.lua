#!lua
-- Saves new links, all of them, unless the slug of one is taken. The same call twice makes them once.
-- KEYS  slugs, changes, layout, then each link   ARGV  most changes kept, store, then id, place of the slug and JSON of each
if redis.call('HGET', KEYS[3], 'id') ~= ARGV[2] then return {'wiped'} end
local answer, seen = {'taken'}, {}
for n = 0, #KEYS - 4 do
  local id, place = ARGV[3 + 3 * n], ARGV[4 + 3 * n]
  local holder = seen[place] or redis.call('HGET', KEYS[1], place)
  if holder and holder ~= id then
    answer[#answer + 1] = tostring(n)
    answer[#answer + 1] = holder
  end
  seen[place] = id
end
if #answer > 1 then return answer end
for n = 0, #KEYS - 4 do
  local id, place, json = ARGV[3 + 3 * n], ARGV[4 + 3 * n], ARGV[5 + 3 * n]
  if not redis.call('HGET', KEYS[1], place) then
    redis.call('SET', KEYS[4 + n], json)
    redis.call('HSET', KEYS[1], place, id)
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[1], '*', 'link', id)
  end
end
return {'yes'}
