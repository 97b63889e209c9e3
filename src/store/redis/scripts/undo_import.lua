#!lua
-- Takes an import out of force at once; its rows are swept away afterwards.
-- KEYS  imports, digests, version, open imports   ARGV  id
local stored = redis.call('HGET', KEYS[1], ARGV[1])
if not stored then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], cjson.decode(stored).digest)
redis.call('INCR', KEYS[3])
redis.call('ZADD', KEYS[4], 0, ARGV[1])
return 1
