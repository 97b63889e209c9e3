#!lua
-- Saves a new link, unless its slug is taken. The same call twice is the same link once.
-- KEYS  slugs, link, changes, layout   ARGV  id, place of the slug, link as JSON, most changes kept, store
if redis.call('HGET', KEYS[4], 'id') ~= ARGV[5] then return {'wiped'} end
if redis.call('GET', KEYS[2]) == ARGV[3] then return {'yes'} end
local holder = redis.call('HGET', KEYS[1], ARGV[2])
if holder then return {'taken', holder} end
redis.call('SET', KEYS[2], ARGV[3])
redis.call('HSET', KEYS[1], ARGV[2], ARGV[1])
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[4], '*', 'link', ARGV[1])
return {'yes'}
