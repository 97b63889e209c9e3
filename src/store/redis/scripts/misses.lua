#!lua
-- Adds requests that met no link. A stranger picks the slugs, so only so many per kind keep their names.
-- KEYS  misses of the day, days   ARGV  day, score, most names per kind, then kind, slug, count in turn
local MAX = '9223372036854775807'
local named = {}
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
    local kind, slug = string.match(field, '^([^:]*):(.*)$')
    if kind and slug ~= '(other)' then named[kind] = (named[kind] or 0) + 1 end
end
for i = 4, #ARGV, 3 do
    local kind, slug, count = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    local field = kind .. ':' .. slug
    if slug ~= '(other)' and redis.call('HEXISTS', KEYS[1], field) == 0 then
        if (named[kind] or 0) < tonumber(ARGV[3]) then
            named[kind] = (named[kind] or 0) + 1
        else
            field = kind .. ':(other)'
        end
    end
    local reply = redis.pcall('HINCRBY', KEYS[1], field, count)
    if type(reply) == 'table' then redis.call('HSET', KEYS[1], field, MAX) end
end
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
return 1
