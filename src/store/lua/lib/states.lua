-- states: what changes the state of an incident. Every change of state in the product is here.
local States = B.lazy(function(States)

-- lifecycle, section 1: verb -> state -> name of the effect in verbs.lua; nil = the state forbids.
-- `allowed` in a refusal and the documentation are made from this table.
States.VERBS = {
  acknowledge = { open = 'take', acknowledged = 'take_over', resolved = 'noted' },
  assign      = { open = 'assign', acknowledged = 'assign', resolved = 'assign_confirmer' },
  release     = { open = 'unchanged', acknowledged = 'release' },
  escalate    = { open = 'escalate', acknowledged = 'escalate' },
  raise       = { open = 'raise', acknowledged = 'raise', resolved = 'raise' },
  lower       = { open = 'lower', acknowledged = 'lower', resolved = 'lower' },
  snooze      = { open = 'snooze', acknowledged = 'snooze' },
  note        = { open = 'note', acknowledged = 'note', resolved = 'note', closed = 'note' },
  update      = { open = 'update', acknowledged = 'update', resolved = 'update' },
  resolve     = { open = 'resolve', acknowledged = 'resolve', resolved = 'mend' },
  verify      = { resolved = 'verify', closed = 'unchanged' },
  confirm     = { resolved = 'confirm', closed = 'unchanged' },
  close       = { resolved = 'close', closed = 'unchanged' },
  reopen      = { open = 'unchanged', acknowledged = 'unchanged', resolved = 'reopen',
                  closed = 'reopen_closed' },
  merge       = { open = 'merge', acknowledged = 'merge', resolved = 'merge' },
}

local function clear(inc, names)
  for _, name in ipairs(names) do
    Incident.set(inc, name, '')
  end
end

-- Entry into `open`: the only thing that renews the acknowledgement clock.
function States.enter_open(inc, reason)
  Incident.touch(inc)
  local f = inc.f
  if (f.assignee or '') ~= '' then
    Incident.set(inc, 'last_assignee', f.assignee)
  end
  Incident.set(inc, 'state', 'open')
  clear(inc, { 'assignee', 'with_manager', 'manager_reason', 'snoozed_until' })
  Clocks.read(inc).acknowledge = nil
  Clocks.overdue(inc, 'acknowledge', false)
  Clocks.overdue(inc, 'reacknowledge', false)
  inc.requeue = reason
end

-- All group keys that lead to an incident.
local function each_key(inc, fn)
  local key = Incident.get(inc, 'group_key')
  if key ~= '' then
    fn(key)
  end
  for _, more in ipairs(B.json(Incident.get(inc, 'more_keys')) or {}) do
    fn(more)
  end
end
States.each_key = each_key

-- It takes no new alerts any more: `open` gives way to `last`.
local function unpoint(ctx, inc)
  each_key(inc, function(key)
    if Incident.look(ctx, 'open', key) == inc.id then
      Incident.point(ctx, 'open', key, false)
      Incident.point(ctx, 'last', key, inc.id)
    end
  end)
end

-- at: when the last alert ended, or the verb came. by_monitor: its own word that it is over.
function States.resolve(ctx, inc, at, actor, by_monitor, more)
  Incident.touch(inc)
  local f = inc.f
  if (f.acknowledged_at or '') == '' then
    Incident.set(inc, 'unattended', '1')
  end
  Incident.set(inc, 'state', 'resolved')
  Incident.set(inc, 'resolved_at', math.min(at, B.now))
  Incident.set(inc, 'grace_from', B.now)
  clear(inc, { 'ended_at', 'snoozed_until', 'suppressed_by', 'suppress_until', 'with_manager',
    'manager_reason', 'verified_at', 'verified_by', 'confirmed_at', 'confirmed_by' })
  if by_monitor and Incident.number(inc, 'stale') == 0 then
    Incident.set(inc, 'verified_at', B.now)
    Incident.set(inc, 'verified_by', 'monitor')
  end
  local clocks = Clocks.read(inc)
  clocks.grace, clocks.confirm, clocks.close = nil, nil, nil
  Clocks.overdue(inc, 'acknowledge', false)
  Clocks.overdue(inc, 'reacknowledge', false)
  unpoint(ctx, inc)
  ctx.n.resolved = ctx.n.resolved + 1
  Timeline.add(inc, 'resolved', actor, more)
  if (f.flapping or '') ~= '' then
    clear(inc, { 'flapping', 'reopen_times' })
    Timeline.add(inc, 'flapping_ended')
  end
end

-- Times of the reopens within flap.within, and the flag once there are enough.
local function count_flaps(inc, at)
  local flap = Settings.table('flap')
  local times = {}
  for time in string.gmatch(Incident.get(inc, 'reopen_times'), '%d+') do
    if at - tonumber(time) <= (flap.within or 0) then
      times[#times + 1] = time
    end
  end
  times[#times + 1] = B.int(at)
  Incident.set(inc, 'reopen_times', table.concat(times, ','))
  if (flap.reopens or 0) > 0 and #times >= flap.reopens and inc.f.flapping ~= '1' then
    Incident.set(inc, 'flapping', '1')
    Timeline.add(inc, 'flapping', nil, { reopens = #times })
    Problems.candidate(inc, 'flapping')
  end
end

-- resolved (or, by a manager, closed) -> open.
function States.reopen(ctx, inc, at, actor, more)
  Incident.touch(inc)
  clear(inc, { 'resolved_at', 'grace_from', 'closed_at', 'verified_at', 'verified_by',
    'confirmed_at', 'confirmed_by', 'resolution', 'kind', 'fix', 'unattended', 'ended_at',
    'review', 'review_due', 'acknowledged_at' })
  States.enter_open(inc, 'reopened')
  Incident.set(inc, 'reopens', Incident.number(inc, 'reopens') + 1)
  local clocks = Clocks.read(inc)
  clocks.grace, clocks.confirm, clocks.close, clocks.review = nil, nil, nil, nil
  Clocks.overdue(inc, 'confirm', false)
  Clocks.overdue(inc, 'close', false)
  each_key(inc, function(key)
    Incident.point(ctx, 'open', key, inc.id)
  end)
  ctx.n.reopened = ctx.n.reopened + 1
  Timeline.add(inc, 'reopened', actor, more)
  if Incident.number(inc, 'muted') > 0 then -- resolved by a workaround, its windows were not looked at
    Suppression.look(ctx, inc)
  end
  if at then
    count_flaps(inc, at)
  end
end

-- What a changed priority (`raised` or `lowered`) does to the state.
function States.priority_changed(ctx, inc, change, before, actor, more)
  more = more or {}
  more.from, more.to = before, inc.f.priority
  if change == 'raised' then
    ctx.n.raised = ctx.n.raised + 1
    Incident.set(inc, 'snoozed_until', '')
    if inc.f.state == 'acknowledged' then
      States.enter_open(inc, 'raised')
    elseif inc.f.state == 'open' then
      inc.requeue = 'raised'
    end
  elseif inc.f.state == 'open' then
    inc.requeue = 'lowered'
  end
  Timeline.add(inc, change, actor, more)
end

-- Working days are Monday to Friday, in UTC.
local function working_days(from, days)
  local at = from
  while days > 0 do
    at = at + Settings.DAY
    local weekday = (math.floor(at / Settings.DAY) + 3) % 7 -- 1970-01-01 was a Thursday; 0 = Monday
    if weekday < 5 then
      days = days - 1
    end
  end
  return at
end

-- A review is owed for P1, P2 and for what keeps coming back.
local function review_owed(inc)
  local f = inc.f
  if f.priority == 'P1' or f.priority == 'P2' then
    return true
  end
  return Incident.number(inc, 'recurrences') + 1 >= (Settings.table('problems').recurs or 3)
end

function States.close(ctx, inc, actor, more)
  Incident.touch(inc)
  Incident.set(inc, 'state', 'closed')
  Incident.set(inc, 'closed_at', B.now)
  clear(inc, { 'manager_reason', 'with_manager', 'ended_at', 'snoozed_until', 'suppressed_by',
    'suppress_until', 'overdue' })
  unpoint(ctx, inc)
  if (inc.f.merged_into or '') == '' and review_owed(inc) then
    Incident.set(inc, 'review', 'due')
    Incident.set(inc, 'review_due', working_days(B.now, 5))
  end
  ctx.n.closed = ctx.n.closed + 1
  Timeline.add(inc, 'closed', actor, more)
end

-- Why an incident may not be closed yet, or nil.
function States.unclosable(inc)
  local f = Incident.fill(inc).f
  local grace = Clocks.read(inc).grace
  if (tonumber(f.firing) or 0) > 0 then
    return 'alerts still fire'
  end
  if Settings.confirm_required(f.priority) then
    if (f.resolution or '') == '' then
      return 'no resolution is written'
    elseif (f.verified_at or '') == '' then
      return 'it is not verified'
    elseif (f.confirmed_at or '') == '' then
      return 'it is not confirmed'
    end
  end
  if not grace or grace.mark ~= Clocks.FIRED then
    return 'the grace period is not over'
  end
  return nil
end

-- Closure is looked at again at grace, verify, confirm and resolve.
function States.close_if_allowed(ctx, inc, actor)
  if inc.f.state ~= 'resolved' or States.unclosable(inc) then
    return false
  end
  if (inc.f.resolution or '') == '' then
    Incident.set(inc, 'resolution', 'ended by itself')
  end
  States.close(ctx, inc, actor)
  return true
end

end)
