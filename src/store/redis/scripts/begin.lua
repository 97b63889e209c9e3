#!lua
-- Writes the layout of a new store, unless there is one.
-- KEYS  layout   ARGV  version, number of shards, id, what is being copied into it or nothing
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'shards', ARGV[2], 'id', ARGV[3])
if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], 'copying', ARGV[4]) end
return 1
