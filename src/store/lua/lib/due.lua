-- due: what happens when a clock of an incident is due (lifecycle, section 2). The incident's own
-- clock decides; an entry of `deadlines` that does not fit it is an orphan and is dropped.
local Due = {}

local PAGE, SCANNED_MAX, ROUNDS_MAX = 200, 5000, 12

local effects = {}

-- Nobody acknowledged: the manager's queue, and P1/P2 again and again.
function effects.acknowledge(_, inc, c)
  Clocks.overdue(inc, 'acknowledge', true)
  Incident.set(inc, 'with_manager', '1')
  if Clocks.repeats(inc) then
    c.budget, c.used, c.since, c.mark = Clocks.REPEAT, 0, B.now, Clocks.NEAR
  else
    c.mark = Clocks.FIRED
  end
  inc.requeue = 'unassigned'
  Work.count('unassigned')
  Timeline.add(inc, 'unassigned', 'clock', { lead = Settings.text('lead'),
    manager = Settings.text('manager'), ['for'] = inc.f['for'] })
end

-- Acknowledged and forgotten.
function effects.reacknowledge(_, inc)
  local assignee = inc.f.assignee
  States.enter_open(inc, 'stalled')
  Work.count('stalled')
  Timeline.add(inc, 'stalled', 'clock', { assignee = assignee })
end

local function escalate(inc, c, kind)
  c.mark = Clocks.FIRED
  Clocks.overdue(inc, kind, true)
  local f = inc.f
  if f.tier >= kind then -- somebody escalated before
    return
  end
  local from, assignee = f.tier, f.assignee
  Incident.set(inc, 'tier', kind)
  if (f.with_manager or '') == '' then
    States.enter_open(inc, 'escalated')
  end
  Work.count('escalated')
  Timeline.add(inc, 'escalated', 'clock', { from = from, to = kind, assignee = assignee })
end

function effects.tier2(_, inc, c)
  escalate(inc, c, 'tier2')
end

function effects.tier3(_, inc, c)
  escalate(inc, c, 'tier3')
end

function effects.update(_, inc, c)
  c.mark = Clocks.FIRED
  Clocks.overdue(inc, 'update', true)
  Work.count('update_overdue')
  Timeline.add(inc, 'update_overdue', 'clock')
end

local function to_manager(inc, c, kind, reason)
  c.mark = Clocks.FIRED
  Clocks.overdue(inc, kind, true)
  Incident.set(inc, 'with_manager', '1')
  Incident.set(inc, 'manager_reason', reason)
  inc.requeue = reason
  Work.count(reason)
  Timeline.add(inc, reason, 'clock', { manager = Settings.text('manager') })
end

function effects.confirm(_, inc, c)
  to_manager(inc, c, 'confirm', 'unconfirmed')
end

function effects.close(_, inc, c)
  to_manager(inc, c, 'close', 'unclosed')
end

function effects.grace(ctx, inc, c)
  c.mark = Clocks.FIRED
  States.close_if_allowed(ctx, inc, 'clock')
end

function effects.settle(ctx, inc)
  States.resolve(ctx, inc, Incident.number(inc, 'ended_at'), 'monitor', true)
end

function effects.snooze(_, inc)
  Incident.set(inc, 'snoozed_until', '')
  Work.count('unsnoozed')
  Timeline.add(inc, 'unsnoozed', 'clock')
  if inc.f.state == 'open' then
    Clocks.read(inc).acknowledge = nil
    Clocks.overdue(inc, 'acknowledge', false)
    Incident.set(inc, 'with_manager', '')
    inc.requeue = 'unsnoozed'
  end
end

-- A window ended for some alert: all are looked at again.
function effects.suppress(ctx, inc)
  Suppression.look(ctx, inc)
end

function effects.review(_, inc, c)
  c.mark = Clocks.FIRED
  Clocks.overdue(inc, 'review', true)
  Work.count('review_overdue')
  Timeline.add(inc, 'review_overdue', 'clock')
end

local function one(ctx, member, id, kind, horizon)
  local def = Clocks.KINDS[kind]
  local inc = def and Incident.exact(ctx, id)
  local c = inc and Clocks.read(inc)[kind]
  local expected = c and inc.clock_scores[kind]
  if not expected then
    redis.call('ZREM', B.base .. 'deadlines', member)
    Work.count('orphans')
    return
  end
  local limit = def.horizon and horizon or B.now
  if expected > limit then
    redis.call('ZADD', B.base .. 'deadlines', B.int(expected), member)
    Work.count('orphans')
    return
  end
  Incident.touch(inc)
  if def.near and c.mark == Clocks.PENDING and Clocks.due(c) > limit then
    c.mark = Clocks.NEAR
    Work.count('near')
    Timeline.add(inc, 'deadline_near', 'clock', { clock = kind, due = B.int(Clocks.due(c)) })
    return
  end
  effects[kind](ctx, inc, c)
end

-- Due entries in order; those that wait for the horizon are passed over.
local function collect(horizon)
  local list, offset = {}, 0
  while offset < SCANNED_MAX do
    local page = redis.call('ZRANGEBYSCORE', B.base .. 'deadlines', '-inf', B.int(B.now),
      'WITHSCORES', 'LIMIT', offset, PAGE)
    for i = 1, #page, 2 do
      local member, score = page[i], tonumber(page[i + 1])
      local id, kind = string.match(member, '^([^/]+)/(.+)$')
      local def = kind and Clocks.KINDS[kind]
      if not (def and def.horizon and score > horizon)
        and not (id == 'heartbeat' and score > horizon) then
        if #list + Work.done >= Work.budget then
          Work.more = true
          return list
        end
        list[#list + 1] = { member, id, kind }
      end
    end
    if #page < PAGE * 2 then
      return list
    end
    offset = offset + PAGE
  end
  return list
end

local function work(list, horizon)
  for _, entry in ipairs(list) do
    local member, id, kind = unpack(entry, 1, 3)
    Work.unit('deadlines', { member }, function(ctx)
      if not id then
        error('not ID/KIND')
      elseif id == 'heartbeat' then
        Beats.due(ctx, kind, Intake.item)
      else
        one(ctx, member, id, kind, horizon)
      end
    end)
  end
end

-- In rounds: what was due may bring the next clock of its incident, which may be due as well.
function Due.work(horizon)
  for _ = 1, ROUNDS_MAX do
    local list = collect(horizon)
    if #list == 0 then
      return
    end
    work(list, horizon)
  end
  Work.more = true
end

-- The earliest thing that lies ahead, 0 = nothing.
function Due.ahead(horizon)
  local earliest = 0
  for zset, from in pairs({ deadlines = B.now, leases = horizon }) do
    local first = redis.call('ZRANGEBYSCORE', B.base .. zset, '(' .. B.int(from), '+inf',
      'WITHSCORES', 'LIMIT', 0, 1)
    local at = tonumber(first[2])
    if at and (earliest == 0 or at < earliest) then
      earliest = at
    end
  end
  return earliest
end
