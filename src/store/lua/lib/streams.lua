-- streams: how far a stream was applied is remembered for a while after its spool is done with it, so
-- that a spool which comes back (a restored backup, the copy of a virtual machine) is not applied
-- again. Zset gone: stream -> when its owner was done with it; its daemon writes that.
local Streams = {}

Streams.KEEP = 30 * 86400000
Streams.MOST = 10000 -- of a team: then the oldest go

-- Forgets what is old, a bounded number a call.
function Streams.prune()
  local key, most = B.base .. 'gone', 200
  local over = redis.call('ZCARD', key) - Streams.MOST
  local ids = redis.call('ZRANGEBYSCORE', key, '-inf', B.int(B.now - Streams.KEEP), 'LIMIT', 0, most)
  if #ids == 0 and over > 0 then
    ids = redis.call('ZRANGE', key, 0, math.min(over, most) - 1)
  end
  if #ids > 0 then
    redis.call('HDEL', B.base .. 'applied', unpack(ids))
    redis.call('ZREM', key, unpack(ids))
  end
end
