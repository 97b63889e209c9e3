#!lua
-- Writes a portion of the body of an import that is not in force yet. The same call twice writes it once.
-- KEYS  open imports, body   ARGV  id, number of the portion, portion
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return {'swept'} end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
return {'yes'}
