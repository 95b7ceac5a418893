-- receipt: what one more receipt changes in an alert and its incident: counts, times, leases.
local Receipt = {}

local RESOLVE_AFTER = 3600000
local argv = ARGV

function Receipt.count(inc, a, o)
  a.count, a.dirty = a.count + o.count, true
  local f = inc.f
  f.count = (tonumber(f.count) or 0) + o.count
  inc.seen = true
  if o.last > inc.last_at then
    inc.last_at, f.last_at = o.last, o.last
  end
end

function Receipt.late(ctx, inc, a, o)
  Receipt.count(inc, a, o)
  a.first = B.int(math.min(tonumber(a.first), o.first))
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

-- What the decoder gave now is shown from now on, save for an alert beyond those that are listed.
local function retell(a, raw)
  if raw ~= '' and a.listed ~= false
    and (a.raw or not a.text or string.byte(a.text, a.at) == 44) then
    a.raw = raw
  end
end

function Receipt.present(a, o)
  a.last = o.last
  if o.starts > 0 then
    a.starts = B.int(o.starts)
  elseif a.starts == '0' then
    a.starts = B.int(o.first)
  end
  retell(a, o.raw)
end

local receipt_levels = { high = 3, medium = 2, low = 1 }

-- Could this cell be more urgent than the computed one? (A matrix is taken to rise with both.)
function Receipt.above(f, impact, urgency)
  return (receipt_levels[impact] or 9) > (receipt_levels[f.auto_impact or f.impact] or 0)
    or (receipt_levels[urgency] or 9) > (receipt_levels[f.auto_urgency or f.urgency] or 0)
end

-- The cell that an alert asks for.
function Receipt.consider(ctx, inc, impact, urgency, more)
  local f = inc.f
  if not Receipt.above(f, impact, urgency) then
    return false
  end
  local before = Incident.fill(inc).f.priority
  local change = Priority.consider(inc, impact, urgency)
  if change then
    States.priority_changed(ctx, inc, change, before, nil, more)
  end
  return change
end

-- The common case without a table for the observation: item at `at` in ARGV is one more receipt of
-- an alert that fires, in order, and asks for no higher priority. The same as Intake's `again`.
-- False when it is not that simple after all.
function Receipt.repeated(ctx, inc, holder, a, at)
  local last, n = tonumber(argv[at + 6]), tonumber(argv[at + 7])
  local starts, lease = argv[at + 8], argv[at + 10]
  lease = lease == '0' and 0 or B.natural(lease)
  if not (last and n and lease) or last < a.last or last > 9e15 or n < 1 or n > 9e15
    or n % 1 ~= 0 or last % 1 ~= 0 then
    return false
  end
  if starts ~= a.starts and starts ~= '0' and starts ~= '' then
    starts = B.natural(starts)
    if not starts then
      return false
    end
    a.starts = B.int(starts)
  end
  local f = inc.f
  if argv[at + 4] == 'log' then
    lease = last + (tonumber(f.resolve_after) or RESOLVE_AFTER)
  end
  local before = a.lease
  if a.senders or argv[at + 12] == '1' then
    Alerts.said_firing(a, argv[at + 11], argv[at + 12] == '1', lease, last)
  else
    a.lease = lease
  end
  if a.lease > 0 and (before == 0 or a.lease < before) then
    Incident.lease(ctx, holder, argv[at + 1], a.lease)
  end
  a.count, a.last, a.ends, a.dirty = a.count + n, last, '0', true
  local raw = argv[at + 20]
  if raw ~= a.raw then
    retell(a, raw)
  end
  f.count, inc.seen = f.count + n, true -- text or number: Lua adds both
  if last > inc.last_at then
    inc.last_at, f.last_at = last, last
  end
  ctx.updated = ctx.updated + 1
  return true
end
