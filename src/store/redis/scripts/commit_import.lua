#!lua
-- Puts an import in force whose body is written already, unless the same one is in force. Twice is as once.
-- KEYS  imports, digests, open imports, layout   ARGV  id, import as JSON, digest, store
if redis.call('HGET', KEYS[4], 'id') ~= ARGV[4] then return {'wiped'} end
local same = redis.call('HGET', KEYS[2], ARGV[3])
if same then return {'same', same} end
if not redis.call('ZSCORE', KEYS[3], ARGV[1]) then return {'swept'} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[2], ARGV[3], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
return {'yes'}
