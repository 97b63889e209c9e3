#!lua
-- Writes the layout of a new store, unless there is one.
-- KEYS  layout   ARGV  version, number of shards, id
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'shards', ARGV[2], 'id', ARGV[3])
return 1
