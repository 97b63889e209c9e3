#!lua
-- Removes an import that is in force, or one that was never finished.
-- KEYS  imports, digests, open imports, body   ARGV  id, `stored` or `open`
local stored = redis.call('HGET', KEYS[1], ARGV[1])
if (stored and 'stored' or 'open') ~= ARGV[2] then return 0 end
if stored then
  redis.call('HDEL', KEYS[2], cjson.decode(stored).digest)
  redis.call('HDEL', KEYS[1], ARGV[1])
end
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('DEL', KEYS[4])
return 1
