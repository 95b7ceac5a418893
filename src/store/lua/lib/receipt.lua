-- receipt: what one more receipt changes in an alert and its incident: counts, times, leases.
local Receipt = {}

-- Clocks of daemons may lie apart: each at most 5 s off Redis' clock, else it is corrected.
local SKEW, PROMPT = 10000, 2000

-- What an alert is, is what was received last. Is `o`, by its time of receipt, older than what is known?
-- Two daemons' times are no judge within SKEW: there the source's own clock is (`later`: nil = it says
-- nothing), else the order in which they came here, if `o` has not lain in a spool meanwhile.
function Receipt.outdated(a, o, later)
  local behind = a.last - o.last
  if behind <= 0 then
    return false
  elseif behind > SKEW then
    return true
  elseif later ~= nil then
    return not later
  end
  return B.sent - o.last > PROMPT
end

-- n receipts, the latest at `last`.
function Receipt.add(inc, n, last)
  local f = inc.f
  f.count = (tonumber(f.count) or 0) + n
  inc.seen = true
  if last > inc.last_at then
    inc.last_at, f.last_at = last, last
  end
end

function Receipt.count(inc, a, o)
  a.count, a.dirty = a.count + o.count, true
  Receipt.add(inc, o.count, o.last)
end

function Receipt.late(ctx, inc, a, o)
  Receipt.count(inc, a, o)
  a.first = B.int(math.min(tonumber(a.first), o.first))
  ctx.n.updated = ctx.n.updated + 1
end

-- Until when the word of this observation holds. Log events hold till they have been quiet.
local function lease_of(inc, o)
  if o.kind == 'log' then
    return o.last + (tonumber(inc.f.resolve_after) or B.RESOLVE_AFTER)
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

-- What the decoder gave now is shown from now on, save for an alert beyond those that are listed.
local function retell(a, raw)
  if raw ~= '' and a.listed ~= false
    and (a.raw or not a.text or string.byte(a.text, a.at) == 44) then
    a.raw = raw
  end
end

function Receipt.present(a, o)
  a.last = math.max(a.last, o.last)
  if o.starts > 0 then
    a.starts = B.int(o.starts)
  elseif a.starts == '0' then
    a.starts = B.int(o.first)
  end
  retell(a, o.raw)
end

-- The cell that an alert asks for.
function Receipt.consider(ctx, inc, impact, urgency, more)
  local f = inc.f
  if not Observation.above(impact, urgency, f.auto_impact or f.impact,
    f.auto_urgency or f.urgency) then
    return false
  end
  local before = Incident.fill(inc).f.priority
  local change = Priority.consider(inc, impact, urgency)
  if change then
    States.priority_changed(ctx, inc, change, before, nil, more)
  end
  return change
end
