#!lua
-- How link-days are added; another script follows in the same text and calls add_link_days(). Nothing that a key
-- holds can stop it half-way: what cannot be added goes to the hash `aside`.
--
-- KEYS  marks, days, aside; then per link-day: counts, visitors, sketch, links of the day
-- ARGV  four of the script that follows, most named values per dimension, most exact visitors, number of link-days;
--       then per link-day: day, score, link, n, n times (field, count), packed visitors, m, m visitors in decimal
local MAX = '9223372036854775807'
-- Lua cannot unpack more than some 8,000 values at once.
local CHUNK = 2000
local NAMED_MAX, EXACT_MAX = tonumber(ARGV[5]), tonumber(ARGV[6])
local asides, first_aside = 0, ''

local function failed(reply)
    return type(reply) == 'table' and reply.err ~= nil
end

local function aside(key, what, count)
    if asides == 0 then first_aside = key .. ' ' .. what end
    asides = asides + 1
    redis.pcall('HINCRBY', KEYS[3], key .. ' ' .. what, count)
end

-- Doubles are exact up to 15 digits; beyond them Redis adds, and stops at its largest number.
local function add_large(key, field, count)
    local reply = redis.pcall('HINCRBY', key, field, count)
    if failed(reply) then redis.pcall('HSET', key, field, MAX) end
end

local function is_count(text)
    return #text <= #MAX and string.find(text, '^%d+$') ~= nil
end

-- How many values each dimension has under their own names.
local function count_named(key)
    local named = {}
    for _, field in ipairs(redis.call('HKEYS', key)) do
        local dimension, value = string.match(field, '^([^:]+):(.*)$')
        if dimension and value ~= '(other)' then named[dimension] = (named[dimension] or 0) + 1 end
    end
    return named
end

-- `room` decides under which field a new value is counted.
local function add_chunk(key, fields, counts, room)
    local stored = redis.pcall('HMGET', key, unpack(fields))
    local sums, others = {}, {}
    for i, field in ipairs(fields) do
        local known, count = stored[i], counts[i]
        if failed(stored) then
            aside(key, field, count)
        elseif not known then
            local other = room(field)
            if other then
                others[#others + 1] = {other, count}
            else
                sums[#sums + 1] = field
                sums[#sums + 1] = count
            end
        elseif not is_count(known) then
            aside(key, field, count)
        elseif #known <= 15 and #count <= 15 then
            sums[#sums + 1] = field
            sums[#sums + 1] = string.format('%.0f', known + count)
        else
            add_large(key, field, count)
        end
    end
    if #sums > 0 then redis.pcall('HSET', key, unpack(sums)) end
    for _, other in ipairs(others) do add_large(key, other[1], other[2]) end
end

local function add_counts(key, start, number)
    local length = redis.pcall('HLEN', key)
    local named
    local function room(field)
        local dimension, value = string.match(field, '^([^:]+):(.*)$')
        if value == '(other)' or length + number <= NAMED_MAX then return nil end
        named = named or count_named(key)
        if (named[dimension] or 0) >= NAMED_MAX then return dimension .. ':(other)' end
        named[dimension] = (named[dimension] or 0) + 1
        return nil
    end
    for from = 1, number, CHUNK do
        local fields, counts = {}, {}
        for i = from, math.min(from + CHUNK - 1, number) do
            fields[#fields + 1] = ARGV[start + 2 * i - 2]
            counts[#counts + 1] = ARGV[start + 2 * i - 1]
        end
        add_chunk(key, fields, counts, room)
    end
    return length == 0
end

-- The 8 little-endian bytes of a decimal number of 64 bits, which a double cannot hold.
local function pack(text)
    local negative = string.sub(text, 1, 1) == '-'
    local digits = negative and string.sub(text, 2) or text
    local limbs = {0, 0, 0, 0}
    for from = 1, #digits, 6 do
        local part = string.sub(digits, from, from + 5)
        local scale, carry = 10 ^ #part, tonumber(part)
        for i = 1, 4 do
            local sum = limbs[i] * scale + carry
            limbs[i] = sum % 65536
            carry = math.floor(sum / 65536)
        end
    end
    local carry = 1
    for i = 1, negative and 4 or 0 do
        local sum = 65535 - limbs[i] + carry
        limbs[i] = sum % 65536
        carry = math.floor(sum / 65536)
    end
    return struct.pack('<I2I2I2I2', unpack(limbs))
end

local function in_chunks(command, key, number, member)
    for from = 1, number, CHUNK do
        local members = {}
        for i = from, math.min(from + CHUNK - 1, number) do members[#members + 1] = member(i) end
        local reply = redis.pcall(command, key, unpack(members))
        if failed(reply) then return reply end
    end
end

-- Visitors are kept one by one while they are few, then only as a sketch.
local function add_visitors(visitors, sketch, packed, start, number)
    local reply
    if redis.call('EXISTS', sketch) == 1 then
        reply = in_chunks('PFADD', sketch, number, function(i) return string.sub(packed, 8 * i - 7, 8 * i) end)
    else
        reply = in_chunks('SADD', visitors, number, function(i) return ARGV[start + i - 1] end)
        local exact = not reply and redis.call('SCARD', visitors) or 0
        if exact > EXACT_MAX then
            local members = redis.call('SMEMBERS', visitors)
            reply = in_chunks('PFADD', sketch, #members, function(i) return pack(members[i]) end)
            if not reply then redis.call('DEL', visitors) end
        end
    end
    if reply then aside(visitors, 'visitors', number) end
end

-- Adds every link-day. Its arguments begin with ARGV[8], its keys with KEYS[4].
local function add_link_days()
    local arg = 8
    for delta = 0, ARGV[7] - 1 do
        local key = 4 + 4 * delta
        local day, score, link, number = ARGV[arg], ARGV[arg + 1], ARGV[arg + 2], tonumber(ARGV[arg + 3])
        arg = arg + 4
        if add_counts(KEYS[key], arg, number) then
            redis.pcall('SADD', KEYS[key + 3], link)
            redis.pcall('ZADD', KEYS[2], score, day)
        end
        arg = arg + 2 * number
        local packed, visitors = ARGV[arg], tonumber(ARGV[arg + 1])
        if visitors > 0 then add_visitors(KEYS[key + 1], KEYS[key + 2], packed, arg + 2, visitors) end
        arg = arg + 2 + visitors
    end
    return {'yes', tostring(asides), first_aside}
end
