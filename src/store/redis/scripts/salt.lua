#!lua
-- The salt of a day, made of the offered bytes on first asking; those of days before the oldest kept are destroyed.
-- KEYS  salts   ARGV  day as a number, oldest kept day as a number, bytes to use if there is none
redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[3])
for _, day in ipairs(redis.call('HKEYS', KEYS[1])) do
    if tonumber(day) < tonumber(ARGV[2]) then redis.call('HDEL', KEYS[1], day) end
end
return redis.call('HGET', KEYS[1], ARGV[1])
