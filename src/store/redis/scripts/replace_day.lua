-- Puts what is given in the place of all that one shard counted on a day; watermarks stay. It may run twice: the day must
-- have the hits that were read before, or those that it has after. Follows add.lua.
--
-- ARGV  epoch, day, what the shard's keys begin with, hits before and after
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if epoch ~= ARGV[1] then return {'epoch', epoch or ''} end

-- Only here is it known which links the day has. Their keys carry the hash tag of the others.
local day, stem = ARGV[2], ARGV[3]
local links = stem .. 'links:' .. day
local counted = redis.pcall('SMEMBERS', links)
local keys = {links}
for _, link in ipairs(failed(counted) and {} or counted) do
    for _, kind in ipairs({'counts:', 'visitors:', 'sketch:'}) do
        keys[#keys + 1] = stem .. kind .. day .. ':' .. link
    end
end

-- While a cluster moves their slot, some of the keys are elsewhere: then nothing may go, or a part would be lost.
for _, key in ipairs(keys) do
    if failed(redis.pcall('EXISTS', key)) then return {'moving'} end
end

local hits = 0
for _, link in ipairs(failed(counted) and {} or counted) do
    local counts = redis.pcall('HGETALL', stem .. 'counts:' .. day .. ':' .. link)
    for i = 1, failed(counts) and 0 or #counts, 2 do
        local is_verdict = string.find(counts[i], '^verdict:') ~= nil
        if is_verdict and is_count(counts[i + 1]) then hits = hits + tonumber(counts[i + 1]) end
    end
end
local before, after = string.match(ARGV[4], '^(%d+) (%d+)$')
if hits ~= tonumber(before) and hits ~= tonumber(after) then return {'changed'} end

for _, key in ipairs(keys) do redis.call('DEL', key) end
redis.pcall('ZREM', KEYS[2], day)
return add_link_days()
