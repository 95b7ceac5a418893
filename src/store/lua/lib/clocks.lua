-- clocks: the stopwatches of an incident (lifecycle, section 2) and their entries in `deadlines`.
-- A clock is budget, used, since (0 = resting), mark; due = since + budget - used. Field `clocks`:
--   "acknowledge:300000:0:1700000000000:0 tier2:…"
-- The clock is its own generation: an entry of `deadlines` that does not fit it does nothing.
local Clocks = B.lazy(function(Clocks)

Clocks.PENDING, Clocks.NEAR, Clocks.FIRED = 0, 1, 2
Clocks.REPEAT = 15 * 60000 -- an unassigned P1 or P2 is named again this often

-- near: an event at 75% of the budget. sla: the budget follows the priority. horizon: runs to
-- min(now, horizon). shown: counts for next_due.
Clocks.KINDS = {
  acknowledge   = { near = true, sla = 'acknowledge', shown = true },
  reacknowledge = { near = true, sla = 'reacknowledge', shown = true },
  tier2         = { near = true, sla = 'tier2', shown = true },
  tier3         = { near = true, sla = 'tier3', shown = true },
  update        = { near = true, sla = 'update_every', shown = true },
  confirm       = { near = true, sla = 'confirm_within', shown = true },
  close         = { sla = 'confirm_within', shown = true },
  grace         = { sla = 'grace', horizon = true, shown = true },
  settle        = { horizon = true },
  snooze        = {},
  suppress      = {},
  review        = { shown = true },
}

function Clocks.read(inc)
  if inc.clocks then
    return inc.clocks
  end
  local clocks = {}
  local form = '(%l+%d?):(%d+):(%d+):(%d+):(%d+)'
  for kind, budget, used, since, mark in string.gmatch(Incident.get(inc, 'clocks'), form) do
    clocks[kind] = {
      budget = tonumber(budget), used = tonumber(used), since = tonumber(since),
      mark = tonumber(mark),
    }
  end
  inc.clocks, inc.clock_scores = clocks, Clocks.entries(clocks)
  return clocks
end

function Clocks.due(c)
  return c.since + c.budget - c.used
end

-- When the tick has to look at it: at 75% first, then when due; nil while it rests or is done.
function Clocks.score(kind, c)
  if c.since == 0 or c.mark == Clocks.FIRED then
    return nil
  end
  if c.mark == Clocks.PENDING and Clocks.KINDS[kind].near then
    return c.since + math.floor(c.budget * 0.75) - c.used
  end
  return Clocks.due(c)
end

local function place(clocks, kind, exists, running, budget, from)
  local c = clocks[kind]
  if exists and c and not budget then
    running, budget = false, 0 -- this priority has no such clock: what was used is kept
  end
  if not exists or not budget or budget < 0 then
    clocks[kind] = nil
    return
  end
  if not c then
    c = { budget = budget, used = 0, since = 0, mark = Clocks.PENDING }
    clocks[kind] = c
  end
  if running and c.since == 0 then
    c.since = from or B.now
  elseif not running and c.since > 0 then
    if c.mark ~= Clocks.FIRED then
      c.used = c.used + math.max(0, B.now - c.since) -- more than the budget after a raise
    end
    c.since = 0
  end
end

function Clocks.drop(inc, kind)
  Clocks.read(inc)[kind] = nil
  Incident.touch(inc)
end

-- Sets an absolute clock (snooze, suppress, review): due at `at`.
local function until_(clocks, kind, at)
  local c = clocks[kind]
  if not at or at == 0 then
    clocks[kind] = nil
  elseif not c or Clocks.due(c) ~= at then
    local since = math.min(B.now, at)
    clocks[kind] = { budget = at - since, used = 0, since = since, mark = Clocks.PENDING }
  end
end

-- Makes the clocks what state and flags say. Called once before an incident is written.
function Clocks.sync(inc)
  local f, clocks = inc.f, Clocks.read(inc)
  local sla = Settings.sla(f.priority)
  local state, firing = f.state, tonumber(f.firing) or 0
  local active = state == 'open' or state == 'acknowledged'
  local snoozed = (f.snoozed_until or '') ~= ''
  local suppressed = (f.suppressed_by or '') ~= ''
  local still = snoozed or suppressed
  local confirmed = (f.confirmed_at or '') ~= ''
  local resolved = state == 'resolved'
  local required = sla.confirm == 'required'
  place(clocks, 'acknowledge', state == 'open', not still, sla.acknowledge)
  place(clocks, 'reacknowledge', state == 'acknowledged', firing > 0 and not still,
    sla.reacknowledge)
  place(clocks, 'tier2', state ~= 'closed', active and not still, sla.tier2)
  place(clocks, 'tier3', state ~= 'closed', active and not still, sla.tier3)
  place(clocks, 'update', state ~= 'closed' and not confirmed, not suppressed, sla.update_every)
  place(clocks, 'confirm', resolved and required and not confirmed, true, sla.confirm_within)
  place(clocks, 'close', resolved and required and confirmed, true, sla.confirm_within)
  place(clocks, 'grace', resolved, firing == 0, sla.grace)
  place(clocks, 'settle', active and firing == 0 and (f.ended_at or '') ~= '', true,
    Clocks.settle(inc), tonumber(f.ended_at))
  until_(clocks, 'snooze', active and tonumber(f.snoozed_until or 0) or 0)
  until_(clocks, 'suppress', active and tonumber(f.suppress_until or 0) or 0)
  until_(clocks, 'review', state == 'closed' and tonumber(f.review_due or 0) or 0)
end

function Clocks.settle(inc)
  if Incident.get(inc, 'flapping') ~= '' then
    return Settings.table('flap').settle or 0
  end
  return Incident.number(inc, 'settle')
end

-- The priority changed: on a raise due = the earlier of the old and the new; on a lowering later.
function Clocks.rebudget(inc, raised)
  local sla = Settings.sla(inc.f.priority)
  for kind, c in pairs(Clocks.read(inc)) do
    local name = Clocks.KINDS[kind].sla
    local budget = name and sla[name]
    if budget and raised then
      c.budget = math.min(c.budget, budget)
      if kind == 'acknowledge' and c.mark == Clocks.FIRED and Clocks.repeats(inc) then
        c.budget, c.used, c.mark = Clocks.REPEAT, 0, Clocks.NEAR
        c.since = c.since > 0 and B.now or 0
      end
    elseif budget and c.mark ~= Clocks.FIRED then
      c.budget = math.max(c.budget, budget)
    end
  end
end

-- P1 and P2 are never left unassigned: their acknowledge clock goes off again and again.
function Clocks.repeats(inc)
  return inc.f.priority == 'P1' or inc.f.priority == 'P2'
end

function Clocks.overdue(inc, kind, on)
  local list, found = {}, false
  for name in string.gmatch(Incident.get(inc, 'overdue'), '[^,]+') do
    if name == kind then
      found = true
    else
      list[#list + 1] = name
    end
  end
  if on then
    list[#list + 1] = kind
  end
  if on or found then
    Incident.set(inc, 'overdue', table.concat(list, ','))
  end
end

-- The entries that these clocks have in `deadlines`, kind -> score. Of those that run by now only the
-- earliest has one (it brings the next); those that wait for the horizon have one each.
function Clocks.entries(clocks)
  local want, first, first_kind = {}, nil, nil
  for kind, c in pairs(clocks) do
    local score = Clocks.score(kind, c)
    if score and Clocks.KINDS[kind].horizon then
      want[kind] = score
    elseif score and (not first or score < first or (score == first and kind < first_kind)) then
      first, first_kind = score, kind
    end
  end
  if first then
    want[first_kind] = first
  end
  return want
end

-- Puts the clocks into the field and their entries into `deadlines`.
function Clocks.store(inc)
  local clocks, was = inc.clocks, inc.clock_scores
  local text, want, add, drop, n = {}, Clocks.entries(clocks), {}, {}, 0
  local next_due, next_kind
  for kind, c in pairs(clocks) do
    n = n + 1
    text[n] = string.format('%s:%d:%d:%d:%d', kind, c.budget, c.used, c.since, c.mark)
    if c.since > 0 and c.mark ~= Clocks.FIRED and Clocks.KINDS[kind].shown then
      local due = Clocks.due(c)
      if not next_due or due < next_due or (due == next_due and kind < next_kind) then
        next_due, next_kind = due, kind
      end
    end
  end
  for kind, score in pairs(want) do
    if was[kind] ~= score then
      add[#add + 1] = B.int(score)
      add[#add + 1] = inc.id .. '/' .. kind
    end
  end
  for kind in pairs(was) do
    if not want[kind] then
      drop[#drop + 1] = inc.id .. '/' .. kind
    end
  end
  inc.clock_scores = want
  table.sort(text)
  Incident.set(inc, 'clocks', table.concat(text, ' '))
  Incident.set(inc, 'next_due', next_due and B.int(next_due) or '')
  Incident.set(inc, 'next_due_kind', next_kind or '')
  B.call_many('ZADD', B.base .. 'deadlines', add)
  B.call_many('ZREM', B.base .. 'deadlines', drop)
end

end)
