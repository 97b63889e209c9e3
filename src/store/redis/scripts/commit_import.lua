#!lua
-- Puts an import in force whose rows are written already, if nothing else changed since they were compared.
-- KEYS  imports, digests, version, open imports, layout
-- ARGV  id, import as JSON, digest, version that was compared with, store
if redis.call('HGET', KEYS[5], 'id') ~= ARGV[5] then return {'wiped'} end
local same = redis.call('HGET', KEYS[2], ARGV[3])
if same then return {'same', same} end
if not redis.call('ZSCORE', KEYS[4], ARGV[1]) then return {'swept'} end
if (redis.call('GET', KEYS[3]) or '0') ~= ARGV[4] then return {'changed'} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[2], ARGV[3], ARGV[1])
redis.call('INCR', KEYS[3])
redis.call('ZREM', KEYS[4], ARGV[1])
return {'yes'}
