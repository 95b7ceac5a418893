-- retention: closed incidents that are older than settings say are forgotten, a few at a time.
local Retention = {}

local AT_ONCE, FIRING_LOOK = 20, 1000

-- Look-ups that still lead to it.
local function forget(inc)
  local id = inc.id
  States.each_key(inc, function(key)
    for _, hash in ipairs({ 'open', 'last' }) do
      if redis.call('HGET', B.base .. hash, key) == id then
        redis.call('HDEL', B.base .. hash, key)
      end
    end
  end)
  local fingerprints = redis.call('HKEYS', B.base .. 'alerts:' .. id)
  for i = 1, #fingerprints, FIRING_LOOK do
    local part = { unpack(fingerprints, i, math.min(i + FIRING_LOOK - 1, #fingerprints)) }
    local ids, drop = redis.call('HMGET', B.base .. 'firing', unpack(part)), {}
    for j, fingerprint in ipairs(part) do
      if ids[j] == id then
        drop[#drop + 1] = fingerprint
      end
    end
    B.call_many('HDEL', B.base .. 'firing', drop)
  end
end

function Retention.work()
  local before = B.now - Settings.number('retention')
  local ids = redis.call('ZRANGEBYSCORE', B.base .. 'closed', '-inf', B.int(before),
    'LIMIT', 0, AT_ONCE)
  for _, id in ipairs(ids) do
    Work.unit('closed', { id }, function(ctx)
      local inc = Incident.exact(ctx, id)
      local into = inc and inc.f.merged_into and Incident.load(ctx, id)
      if into then -- its alerts are part of another, which goes first
        local at = Incident.number(into, 'closed_at')
        redis.call('ZADD', B.base .. 'closed', B.int(at > 0 and at or B.now), id)
        return
      end
      if inc then
        forget(Incident.fill(inc))
      end
      for _, key in ipairs({ 'incident:', 'alerts:', 'timeline:', 'systems:' }) do
        redis.call('UNLINK', B.base .. key .. id)
      end
      redis.call('ZREM', B.base .. 'closed', id)
      redis.call('ZREM', B.base .. 'reviews_due', id)
      redis.call('ZREM', B.base .. 'deadlines', id .. '/review')
      Work.count('pruned')
    end)
  end
  if #ids == AT_ONCE then
    Work.more = true
  end
end
