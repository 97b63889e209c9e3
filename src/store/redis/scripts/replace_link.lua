#!lua
-- Saves a link over its former self if that is still the one that was read. The same call twice changes it once.
-- KEYS  slugs, link, changes, layout   ARGV  id, place of the slug, link as JSON, most changes kept, store, link as it was read
if redis.call('HGET', KEYS[4], 'id') ~= ARGV[5] then return {'wiped'} end
local stored = redis.call('GET', KEYS[2])
if stored == ARGV[3] then return {'yes'} end
if stored ~= ARGV[6] then return {'changed'} end
local holder = redis.call('HGET', KEYS[1], ARGV[2])
if holder and holder ~= ARGV[1] then return {'taken', holder} end
redis.call('HDEL', KEYS[1], cjson.decode(stored).place)
redis.call('HSET', KEYS[1], ARGV[2], ARGV[1])
redis.call('SET', KEYS[2], ARGV[3])
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[4], '*', 'link', ARGV[1])
return {'yes'}
