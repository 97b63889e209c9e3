#!lua
-- Removes the position of an incarnation if it still is what it was when it was written down elsewhere.
-- KEYS  marks of a shard or archived   ARGV  incarnation, position
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[1])
