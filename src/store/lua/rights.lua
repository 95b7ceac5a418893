#!lua flags=no-writes
-- rights: whether the user of this connection may do what the other scripts do. One that is stopped
-- halfway keeps what it wrote, so this is asked before any of them runs. Writes nothing.
-- KEYS 1: any key of a team. Reply: the commands that it may not do, by name.

local COMMANDS = { 'DEL', 'EXISTS', 'GET', 'HDEL', 'HGET', 'HGETALL', 'HINCRBY', 'HKEYS', 'HLEN',
  'HMGET', 'HSET', 'HSETNX', 'LINDEX', 'LPOP', 'LTRIM', 'RPUSH', 'SADD', 'SET', 'SISMEMBER',
  'SRANDMEMBER', 'UNLINK', 'XACK', 'XADD', 'XDEL', 'XGROUP', 'XPENDING', 'XRANGE', 'ZADD', 'ZCARD',
  'ZRANGE', 'ZRANGEBYSCORE', 'ZREM', 'ZSCORE' }
local SUB = { XGROUP = 'CREATE' }

local missing = {}
if not redis.acl_check_cmd then -- what speaks like Redis and has no such rights
  return missing
end
for _, name in ipairs(COMMANDS) do
  local words = { name, SUB[name] }
  words[#words + 1] = KEYS[1]
  if not redis.acl_check_cmd(unpack(words)) then
    missing[#missing + 1] = name
  end
end
return missing
