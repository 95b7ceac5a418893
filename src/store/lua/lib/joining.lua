-- joining: an alert fires that did not fire before: it joins an incident, reopens one, is held by a
-- threshold, or opens a new one. Also opening by other hands.
local Joining = B.lazy(function(Joining)

local JOIN_WITHIN = 86400000

local function text_of(value)
  local kind = type(value)
  if kind == 'string' then
    return value
  elseif kind == 'number' then
    return B.int(value)
  end
  return ''
end

-- A system that was not affected before: event `grew` (once a call), and the blast radius.
local function affect(ctx, inc, o)
  if not Systems.add(inc, o.system) then
    return
  end
  local n = tonumber(inc.f.system_count)
  if not inc.is_new then
    Incident.set(inc, 'grew', Incident.number(inc, 'grew') + 1)
    if inc.grew then
      inc.grew.systems = n
    else
      inc.grew = { systems = n, system = o.system }
      Timeline.add(inc, 'grew', nil, inc.grew)
    end
  end
  local impact, urgency = Priority.computed(inc)
  local blast = Settings.blast(n)
  if blast and Settings.LEVEL[blast] > Settings.LEVEL[impact] then
    local before = inc.f.priority
    local change = Priority.consider(inc, blast, urgency)
    if change then
      States.priority_changed(ctx, inc, change, before, nil, { systems = n })
    else
      Priority.impact(inc, blast)
    end
  end
  local several = Settings.table('problems').systems or 0
  if several > 0 and n == several then
    Problems.candidate(inc, 'systems')
  end
end

-- When its newest alert joined.
local function joined_at(inc)
  local at = Incident.number(inc, 'joined_at')
  at = at > 0 and at or Incident.number(inc, 'first_at')
  return at > 0 and at or Incident.number(inc, 'opened_at')
end

-- A new alert, or one that had ended, fires in an incident.
local function join(ctx, inc, holder, a, o, taken)
  Incident.fill(inc)
  local fingerprint = o.fingerprint
  if not a then
    a = Alerts.new(taken.first, o.last)
    holder.alerts[fingerprint] = a
    local n = Incident.number(inc, 'alerts') + 1
    Incident.set(inc, 'alerts', n)
    if not inc.is_new or math.abs(o.last - B.now) > 1000 then -- else opened_at says it
      Incident.set(inc, 'joined_at', math.max(o.last, joined_at(inc)))
    end
    a.listed = n <= Settings.number('alerts_per_incident')
  else
    if a.state == 'stale' then
      Incident.set(inc, 'stale', math.max(0, Incident.number(inc, 'stale') - 1))
    end
    a.senders = false
  end
  a.count, a.dirty = a.count + taken.count, true
  Incident.set(inc, 'count', Incident.number(inc, 'count') + taken.count)
  inc.last_at = math.max(o.last, inc.last_at)
  Incident.set(inc, 'last_at', inc.last_at)
  Receipt.said(ctx, inc, holder, a, o)
  a.starts = '0'
  Receipt.present(a, o)
  a.state, a.ends, a.muted = 'firing', '0', 0
  local firing = Incident.number(inc, 'firing') + 1
  Incident.set(inc, 'firing', firing)
  Incident.point(ctx, 'firing', fingerprint, holder.id)
  if firing == 1 then
    Incident.set(inc, 'ended_at', '')
    Incident.touch(inc)
  end
  affect(ctx, inc, o)
  local impact = Priority.higher(o.impact, Settings.blast(Incident.number(inc, 'system_count')))
  Receipt.consider(ctx, inc, impact, o.urgency, { alert = fingerprint })
  local till, names = Suppression.windows(o)
  if till > 0 then
    Suppression.mute(inc, a, till, names)
  end
  Suppression.sync(inc)
end

local PASSED = { 'runbook', 'logs', 'known_error', 'workaround', 'kb' }

local function recurrence(inc, previous)
  if not previous then
    return
  end
  Incident.set(inc, 'recurrence_of', previous.id)
  local within = Settings.table('problems').within or 0
  if B.now - Incident.number(previous, 'opened_at') <= within then
    local n = Incident.number(previous, 'recurrences') + 1
    Incident.set(inc, 'recurrences', n)
    if n + 1 >= (Settings.table('problems').recurs or 3) then
      Problems.candidate(inc, 'recurs')
    end
  end
end

-- A new incident, by whatever hand. spec: group_key, rule, impact, urgency, first, uid, meta.
function Joining.open(ctx, spec, previous, actor)
  local meta = spec.meta
  local id = Incident.next_id(ctx)
  local url, why = text_of(meta.url_base), type(meta.why) == 'table' and meta.why or {}
  local now, title = B.int(B.now), text_of(meta.title)
  why.rule, why.cell = spec.rule, spec.impact .. '/' .. spec.urgency
  -- all fields at once, and those that will be set yet: a table that grows is made anew each time
  local inc = Incident.new(ctx, id, {
    id = id, team = B.team, uid = spec.uid, state = 'open', tier = 'tier1',
    priority = Settings.priority(spec.impact, spec.urgency), impact = spec.impact,
    urgency = spec.urgency, group_key = spec.group_key, rule = spec.rule, opened_at = now, version = 0,
    alerts = 0, firing = 0, count = 0, system_count = 0, systems = '', clocks = '', next_due = '',
    next_due_kind = '', entry = '', queue = '', reason = '', cell = '', last_at = '',
    first_at = B.now - spec.first > 1000 and B.int(spec.first) or '',
    triage = meta.triage == 'known' and 'known' or 'new', why = cjson.encode(why),
    url = url ~= '' and url .. id or '',
    title = title ~= '' and title or (spec.rule ~= '' and spec.rule or id),
    summary = text_of(meta.summary), category = text_of(meta.category),
    subcategory = text_of(meta.subcategory), service = text_of(meta.service),
    source = text_of(meta.source),
  })
  local f = inc.f
  for i = 1, #PASSED do
    local value = meta[PASSED[i]]
    if value then
      f[PASSED[i]] = text_of(value)
    end
  end
  -- only what differs from the default is kept: an incident is to be small
  local resolve_after, join_within = tonumber(meta.resolve_after), tonumber(meta.join_within)
  if resolve_after and resolve_after ~= B.RESOLVE_AFTER then
    Incident.set(inc, 'resolve_after', resolve_after)
  end
  if join_within and join_within ~= JOIN_WITHIN then
    Incident.set(inc, 'join_within', join_within)
  end
  if (tonumber(meta.settle) or 0) > 0 then
    Incident.set(inc, 'settle', tonumber(meta.settle))
  end
  Incident.touch(inc)
  inc.requeue = 'opened'
  ctx.n.opened = ctx.n.opened + 1
  Timeline.add(inc, 'opened', actor, { rule = spec.rule ~= '' and spec.rule or nil,
    recurrence_of = previous and previous.id or nil })
  recurrence(inc, previous)
  if spec.group_key ~= '' then
    Incident.point(ctx, 'open', spec.group_key, id)
  end
  return inc
end

local function open_for(ctx, o, taken, previous)
  local inc = Joining.open(ctx, {
    uid = string.sub(redis.sha1hex(ctx.seed .. o.index), 1, 16), group_key = o.key, rule = o.rule,
    impact = o.impact, urgency = o.urgency, first = taken.first, meta = Observation.meta(o),
  }, previous)
  join(ctx, inc, inc, false, o, taken)
end

-- An alert of an incident, wherever a merge left it: the alert (or false) and its holder.
local function find(ctx, inc, fingerprint)
  local a = Incident.alert(inc, fingerprint)
  if a then
    return a, inc
  end
  local merged = inc.f.merged or (not inc.full and Incident.get(inc, 'merged')) or ''
  for id in string.gmatch(merged, '[^,]+') do
    local holder = Incident.exact(ctx, id)
    a = holder and Incident.alert(holder, fingerprint)
    if a then
      return a, holder
    end
  end
  return false, inc
end

local function reopens(inc)
  if inc.f.state ~= 'resolved' then
    return false
  end
  local sla = Settings.sla(Incident.fill(inc).f.priority)
  local within = sla.reopen_within or sla.grace or 0
  return B.now - Incident.number(inc, 'grace_from') <= within
end

-- Was it received before what is known of this alert, which had ended?
local function outdated(a, o)
  local ended, later = tonumber(a.ends), nil
  if o.starts > 0 and ended > 0 then
    later = o.starts > ended
  end
  return Receipt.outdated(a, o, later)
end

-- A firing alert that no incident holds as firing.
function Joining.fires(ctx, o)
  if o.count == 0 then
    ctx.n.ignored = ctx.n.ignored + 1
    return
  end
  local a, holder
  local id = Incident.look(ctx, 'open', o.key)
  local inc = id and Incident.load(ctx, id)
  if inc and not Incident.active(inc) then
    inc = false
  end
  if inc then
    a, holder = find(ctx, inc, o.fingerprint)
    if a and outdated(a, o) then
      Receipt.late(ctx, inc, a, o)
      return
    end
    local within = tonumber(Incident.get(inc, 'join_within')) or JOIN_WITHIN
    if a or o.last - joined_at(inc) <= within
      or Incident.number(inc, 'alerts') == 0 then
      join(ctx, inc, holder, a, o, { count = o.count, first = o.first })
      ctx.n.updated = ctx.n.updated + 1
      return
    end
  else
    id = Incident.look(ctx, 'last', o.key)
    inc = id and Incident.load(ctx, id)
    if inc then
      a, holder = find(ctx, inc, o.fingerprint)
      if a and outdated(a, o) then
        Receipt.late(ctx, inc, a, o)
        return
      end
    end
  end
  local taken = { count = o.count, first = o.first }
  if o.threshold then
    taken = Threshold.reach(ctx, o)
    if not taken then
      ctx.n.held = ctx.n.held + 1
      return
    end
  end
  if inc and reopens(inc) then
    States.reopen(ctx, inc, o.last, 'monitor', { alert = o.fingerprint })
    join(ctx, inc, holder, a, o, taken)
    return
  end
  open_for(ctx, o, taken, inc)
end

end)
