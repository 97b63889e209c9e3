#!lua
-- Removes a link and frees its slug, if its revision is the one that is expected.
-- KEYS  slugs, link, changes   ARGV  id, most changes kept, revision or nothing
local stored = redis.call('GET', KEYS[2])
if not stored then return 0 end
local link = cjson.decode(stored)
if ARGV[3] ~= '' and link.revision ~= tonumber(ARGV[3]) then return 2 end
redis.call('HDEL', KEYS[1], link.place)
redis.call('DEL', KEYS[2])
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[2], '*', 'link', ARGV[1])
return 1
