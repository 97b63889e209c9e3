#!lua
-- Removes a link and frees its slug.
-- KEYS  slugs, link, changes   ARGV  id, most changes kept
local stored = redis.call('GET', KEYS[2])
if not stored then return 0 end
redis.call('HDEL', KEYS[1], cjson.decode(stored).place)
redis.call('DEL', KEYS[2])
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[2], '*', 'link', ARGV[1])
return 1
