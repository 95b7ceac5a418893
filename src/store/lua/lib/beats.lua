-- beats: a heartbeat came, or did not. A missing beat is an alert like any other, fired here.
local Beats = B.lazy(function(Beats)

local function observation(h, state, at)
  local meta = h.meta or {}
  meta.title = meta.title or 'Heartbeat ' .. h.name .. ' is missing'
  return {
    index = 0, fingerprint = string.sub(redis.sha1hex('heartbeat ' .. h.name), 1, 16),
    key = 'heartbeat{name=' .. h.name .. '}', state = state, kind = 'alert', first = at, last = at,
    count = 1, starts = at, ends = 0, lease = 0, sender = 'triaged', pairs_too = false,
    system = '', impact = h.impact or 'high', urgency = h.urgency or 'high', rule = 'heartbeat',
    threshold = false, suppress = '', meta = cjson.encode(meta),
    raw = '"labels":{"alertname":"Heartbeat","heartbeat":' .. B.quote(h.name) .. '}',
  }
end

-- A beat came: the fingerprint field holds its name. item: Intake.item.
function Beats.beat(ctx, o, item)
  local h = Heartbeats.find(o.fingerprint)
  if not h then
    ctx.n.ignored = ctx.n.ignored + 1
    return
  end
  ctx.beats = ctx.beats or {}
  ctx.beats[h.name] = math.max(o.last, ctx.beats[h.name] or 0)
  ctx.n.updated = ctx.n.updated + 1
  item(ctx, observation(h, 'resolved', o.last))
end

-- Writes the beats of a call: never back in time.
function Beats.store(ctx)
  for name, at in pairs(ctx.beats) do
    local h = Heartbeats.find(name)
    local before = tonumber(redis.call('HGET', B.base .. 'heartbeats', name) or 0) or 0
    if h and at >= before then
      redis.call('HSET', B.base .. 'heartbeats', name, B.int(at))
      redis.call('ZADD', B.base .. 'deadlines', B.int(at + (tonumber(h.every) or 0)),
        'heartbeat/' .. name)
    end
  end
end

-- Due: fires, and looks again after another period.
function Beats.due(ctx, name, item)
  local member = 'heartbeat/' .. name
  local h = Heartbeats.find(name)
  if not h then
    redis.call('ZREM', B.base .. 'deadlines', member)
    return
  end
  item(ctx, observation(h, 'firing', B.now))
  redis.call('ZADD', B.base .. 'deadlines', B.int(B.now + (tonumber(h.every) or 60000)), member)
end

end)
