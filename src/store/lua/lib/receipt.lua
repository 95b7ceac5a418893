-- receipt: what one more receipt changes in an alert and its incident: counts, times, leases.
local Receipt = {}

local RESOLVE_AFTER = 3600000

function Receipt.count(inc, a, o)
  a.count, a.dirty = a.count + o.count, true
  local f, dirty = inc.f, inc.dirty
  f.count = (tonumber(f.count) or 0) + o.count
  dirty.count = true
  if o.last > (tonumber(f.last_at) or 0) then
    f.last_at, dirty.last_at = o.last, true
  end
end

function Receipt.late(ctx, inc, a, o)
  Receipt.count(inc, a, o)
  a.first = math.min(a.first, o.first)
  ctx.n.updated = ctx.n.updated + 1
end

-- Until when the word of this observation holds. Log events hold till they have been quiet.
local function lease_of(inc, o)
  if o.kind == 'log' then
    return o.last + (tonumber(inc.f.resolve_after) or RESOLVE_AFTER)
  end
  return o.lease
end

function Receipt.said(ctx, inc, holder, a, o)
  local before, was = a.lease, a.state
  Alerts.said_firing(a, o.sender, o.pairs_too, lease_of(inc, o), o.last)
  -- the entry in `leases` may be early (the tick looks again), never late
  if a.lease > 0 and (was ~= 'firing' or before == 0 or a.lease < before) then
    Incident.lease(ctx, holder, o.fingerprint, a.lease)
  end
end

function Receipt.present(a, o)
  a.last = o.last
  if o.starts > 0 then
    a.starts = o.starts
  elseif a.starts == 0 then
    a.starts = o.first
  end
  if o.raw ~= '' and (a.listed ~= false) and (a.raw or a.text == nil
      or string.byte(a.text, a.at) == 44) then
    a.raw = o.raw
  end
end

-- The cell that an alert asks for.
function Receipt.consider(ctx, inc, impact, urgency, more)
  local before = inc.f.priority
  local change = Priority.consider(inc, impact, urgency)
  if change then
    States.priority_changed(ctx, inc, change, before, nil, more)
  end
  return change
end
