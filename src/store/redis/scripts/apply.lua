-- Counts one batch of one shard, or answers where the shard stands. Follows add.lua.
--
-- ARGV  epoch, incarnation, from, to
local marks = redis.call('HMGET', KEYS[1], 'epoch', ARGV[2])
if marks[1] ~= ARGV[1] then return {'epoch', marks[1] or ''} end
local at = marks[2] or '0'
if at ~= ARGV[3] then return {'at', at} end

-- Before the counters: a retry after an error that nobody foresaw must not count again.
redis.call('HSET', KEYS[1], ARGV[2], ARGV[4])
return add_link_days()
