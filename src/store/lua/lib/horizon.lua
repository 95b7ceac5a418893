-- horizon: up to which time all receipts are in Redis. Hash horizon: daemon -> "OLDEST BEAT" (oldest
-- receipt not yet shipped, 0 = none; when it said so). A daemon that fell silent holds the horizon
-- at its last beat until it returns, leaves, or give_up passes.
local Horizon = {}

-- leaving: the daemon goes in good order and holds nothing any more. Also whether it was new here: 1.
function Horizon.beat(instance, oldest, leaving)
  local key, new = B.base .. 'horizon', 0
  if instance ~= '' and leaving then
    redis.call('HDEL', key, instance)
  elseif instance ~= '' then
    new = redis.call('HSET', key, instance, B.int(oldest) .. ' ' .. B.int(B.now))
  end
  local give_up, horizon = Settings.number('give_up'), B.now
  local list = redis.call('HGETALL', key)
  for i = 1, #list, 2 do
    local waiting, beat = string.match(list[i + 1], '^(%d+) (%d+)$')
    waiting, beat = tonumber(waiting) or 0, tonumber(beat) or 0
    if B.now - beat > give_up then
      redis.call('HDEL', key, list[i])
      Work.count('given_up')
      TeamEvent.add('horizon_given_up', nil, { daemon = list[i], beat = B.int(beat) })
    else
      horizon = math.min(horizon, beat, waiting > 0 and waiting or beat)
    end
  end
  return horizon, new
end
