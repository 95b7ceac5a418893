-- verbs: what a person does to an incident. States.VERBS says which effect a verb has in a state;
-- here are the effects. Each returns true (changed) or false, or refuses with a code and a sentence.
local Verbs = {}

local effects = {}

local function text(item, name)
  local value = item[name]
  if value == nil or value == cjson.null then
    return ''
  end
  if type(value) ~= 'string' or #value > 65536 then
    B.deny('bad_request', name .. ' must be a text')
  end
  return value
end

local function required(item, name)
  local value = text(item, name)
  if value == '' then
    B.deny('bad_request', name .. ' is missing')
  end
  return value
end

local function number(item, name)
  local value = item[name]
  if value == nil or value == cjson.null then
    return nil
  end
  value = tonumber(value)
  if not value or value < 0 or value % 1 ~= 0 or value > 9e15 then
    B.deny('bad_request', name .. ' must be a whole number')
  end
  return value
end

local function manager(item)
  return item.role == 'manager' or item.role == 'admin'
end

-- Members of the timeline entry: the verb's own and the text, without empty ones.
local function said(item, more)
  more = more or {}
  local note = text(item, 'text')
  if note ~= '' then
    more.text = note
  end
  return more
end

function effects.unchanged()
  return false
end

function effects.take(_, inc, item)
  Incident.touch(inc)
  local f = inc.f
  Incident.set(inc, 'state', 'acknowledged')
  Incident.set(inc, 'assignee', item.actor)
  if (f.acknowledged_at or '') == '' then
    Incident.set(inc, 'acknowledged_at', B.now)
  end
  for _, name in ipairs({ 'for', 'with_manager', 'snoozed_until', 'grew' }) do
    Incident.set(inc, name, '')
  end
  Clocks.overdue(inc, 'acknowledge', false)
  Timeline.add(inc, 'acknowledged', item.actor, said(item))
  return true
end

function effects.take_over(_, inc, item)
  local holder = Incident.get(inc, 'assignee')
  if holder == item.actor then
    return false
  end
  if item.take ~= true then
    B.deny('held', 'it is held by ' .. holder, { holder = holder })
  end
  Incident.set(inc, 'last_assignee', holder)
  Incident.set(inc, 'assignee', item.actor)
  Incident.set(inc, 'grew', '')
  Timeline.add(inc, 'taken_over', item.actor, said(item, { from = holder }))
  return true
end

-- Racing with the monitor's resolve: never reopens.
function effects.noted(_, inc, item)
  Timeline.add(inc, 'noted', item.actor, said(item))
  return false
end

function effects.assign(_, inc, item)
  local who = required(item, 'assignee')
  local f = Incident.fill(inc).f
  if f.state == 'open' then
    if f['for'] == who then
      return false
    end
    inc.requeue = 'assigned'
    Incident.touch(inc)
  else
    if f.assignee == who then
      return false
    end
    States.enter_open(inc, 'assigned')
  end
  Incident.set(inc, 'for', who)
  Timeline.add(inc, 'assigned', item.actor, said(item, { assignee = who }))
  return true
end

function effects.assign_confirmer(_, inc, item)
  local who = required(item, 'assignee')
  if Incident.get(inc, 'confirmer') == who then
    return false
  end
  Incident.set(inc, 'confirmer', who)
  Timeline.add(inc, 'assigned', item.actor, said(item, { confirmer = who }))
  return true
end

function effects.release(_, inc, item)
  States.enter_open(inc, 'returned')
  Incident.set(inc, 'for', '')
  Timeline.add(inc, 'released', item.actor, said(item))
  return true
end

local NEXT = { tier1 = 'tier2', tier2 = 'tier3', tier3 = 'manager' }

function effects.escalate(_, inc, item)
  local f = Incident.fill(inc).f
  local with_manager = (f.with_manager or '') ~= ''
  local now = with_manager and 'manager' or f.tier
  local from = text(item, 'from_tier')
  if from ~= '' and from ~= now and from ~= f.tier then
    return false -- somebody else escalated meanwhile: no tier is skipped
  end
  local to = text(item, 'tier')
  to = to ~= '' and to or NEXT[now]
  if to ~= 'manager' and not (NEXT[to] and to > f.tier) then
    B.deny('bad_request', 'there is no tier above ' .. now)
  elseif to == 'manager' and with_manager then
    return false
  end
  local assignee = f.assignee
  States.enter_open(inc, 'escalated')
  if to == 'manager' then
    Incident.set(inc, 'with_manager', '1')
  else
    Incident.set(inc, 'tier', to)
    local clocks = Clocks.read(inc)
    for _, kind in ipairs({ 'tier2', 'tier3' }) do
      if clocks[kind] and kind <= to then
        clocks[kind].mark = Clocks.FIRED
      end
    end
  end
  local reason = text(item, 'reason')
  Timeline.add(inc, 'escalated', item.actor, said(item, { from = now, to = to,
    assignee = assignee, reason = reason ~= '' and reason or nil }))
  return true
end

local function cell(inc, item)
  local impact, urgency = text(item, 'impact'), text(item, 'urgency')
  if impact == '' and urgency == '' then
    B.deny('bad_request', 'impact or urgency is missing')
  end
  impact = impact ~= '' and impact or Incident.get(inc, 'impact')
  urgency = urgency ~= '' and urgency or Incident.get(inc, 'urgency')
  if not (Settings.LEVEL[impact] and Settings.LEVEL[urgency]) then
    B.deny('bad_request', 'impact and urgency are high, medium or low')
  end
  return impact, urgency
end

local function set_cell(ctx, inc, item, wanted)
  local impact, urgency = cell(inc, item)
  local f = Incident.fill(inc).f
  if impact == f.impact and urgency == f.urgency then
    return false
  end
  local before = f.priority
  local rank = Priority.rank(Settings.priority(impact, urgency)) - Priority.rank(before)
  if (wanted == 'raised' and rank > 0) or (wanted == 'lowered' and rank < 0) then
    B.deny('bad_request', 'that would be ' .. Settings.priority(impact, urgency))
  end
  local change = Priority.human(inc, impact, urgency)
  local more = said(item, { impact = impact, urgency = urgency })
  if change then
    States.priority_changed(ctx, inc, change, before, item.actor, more)
  else
    Timeline.add(inc, 'changed', item.actor, more)
  end
  return true
end

function effects.raise(ctx, inc, item)
  return set_cell(ctx, inc, item, 'raised')
end

function effects.lower(ctx, inc, item)
  return set_cell(ctx, inc, item, 'lowered')
end

function effects.snooze(_, inc, item)
  local f = Incident.fill(inc).f
  local span, till = number(item, 'for'), number(item, 'until')
  till = till or (span and B.now + span)
  if not till or till <= B.now then
    B.deny('bad_request', 'for or until must lie ahead')
  end
  local urgent = f.priority == 'P1' or f.priority == 'P2'
  if urgent and f.state == 'open' then
    B.deny('not_allowed', f.priority .. ' is to be acknowledged first')
  end
  local longest = urgent and Settings.HOUR or 7 * Settings.DAY
  if till - B.now > longest then
    B.deny('bad_request', 'it can be snoozed for ' .. (urgent and '1h' or '1w') .. ' at most')
  end
  if tonumber(f.snoozed_until) == till then
    return false
  end
  Incident.touch(inc)
  Incident.set(inc, 'snoozed_until', till)
  Timeline.add(inc, 'snoozed', item.actor, said(item, { ['until'] = B.int(till) }))
  return true
end

function effects.note(_, inc, item)
  required(item, 'text')
  Timeline.add(inc, 'note', item.actor, said(item))
  return true
end

-- The communication log. Only this renews the update clock; a promised time counts once.
function effects.update(_, inc, item)
  local what, promised = required(item, 'text'), number(item, 'next_update_at')
  if promised and promised <= B.now then
    B.deny('bad_request', 'next_update_at must lie ahead')
  end
  Incident.touch(inc)
  local clocks = Clocks.read(inc)
  clocks.update = nil
  if promised and Settings.sla(inc.f.priority).update_every then
    clocks.update = { budget = promised - B.now, used = 0, since = B.now, mark = Clocks.PENDING }
  end
  Clocks.overdue(inc, 'update', false)
  Incident.set(inc, 'update_at', B.now)
  Incident.set(inc, 'update_text', string.sub(what, 1, 4096))
  Timeline.add(inc, 'update', item.actor, said(item, {
    next_update_at = promised and B.int(promised) or nil }))
  return true
end

local NOISE = { false_positive = true, not_actionable = true, poor_details = true }

-- Resolution, kind, fix, noise as given; what changed.
local function write_resolution(ctx, inc, item)
  local changed = {}
  local given = { resolution = text(item, 'resolution'), kind = text(item, 'kind'),
    fix = text(item, 'fix'), noise = text(item, 'noise') }
  if given.kind ~= '' and given.kind ~= 'workaround' and given.kind ~= 'fix' then
    B.deny('bad_request', 'kind is workaround or fix')
  end
  if given.noise ~= '' and not NOISE[given.noise] then
    B.deny('bad_request', 'noise is false_positive, not_actionable or poor_details')
  end
  for name, value in pairs(given) do
    if value ~= '' and Incident.get(inc, name) ~= value then
      Incident.set(inc, name, value)
      changed[name] = value
    end
  end
  if changed.fix then
    Records.fix_used(ctx, inc, changed.fix)
  end
  return changed
end

function effects.resolve(ctx, inc, item)
  local f = Incident.fill(inc).f
  if text(item, 'resolution') == '' then
    item.resolution = required(item, 'text')
  end
  local firing = tonumber(f.firing) or 0
  if firing > 0 and item.kind ~= 'workaround' then
    B.deny('still_firing', firing .. ' alerts still fire: kind workaround, or wait',
      { firing = firing })
  end
  local changed = write_resolution(ctx, inc, item)
  if (f.kind or '') == '' then
    Incident.set(inc, 'kind', 'fix')
    changed.kind = 'fix'
  end
  local ended = firing == 0 and (tonumber(f.alerts) or 0) > 0
  local at = ended and tonumber(f.ended_at) or B.now
  States.resolve(ctx, inc, at, item.actor, ended, said(item, changed))
  return true
end

function effects.mend(ctx, inc, item)
  if text(item, 'resolution') == '' and text(item, 'text') ~= '' then
    item.resolution = item.text
  end
  local changed = write_resolution(ctx, inc, item)
  if not next(changed) then
    return false
  end
  Timeline.add(inc, 'mended', item.actor, said(item, changed))
  States.close_if_allowed(ctx, inc, item.actor)
  return true
end

function effects.verify(ctx, inc, item)
  if Incident.get(inc, 'verified_at') ~= '' then
    return false
  end
  Incident.set(inc, 'verified_at', B.now)
  Incident.set(inc, 'verified_by', item.actor)
  Timeline.add(inc, 'verified', item.actor, said(item))
  States.close_if_allowed(ctx, inc, item.actor)
  return true
end

function effects.confirm(ctx, inc, item)
  if Incident.get(inc, 'confirmed_at') ~= '' then
    return false
  end
  local who = required(item, 'by')
  Incident.touch(inc)
  Incident.set(inc, 'confirmed_at', B.now)
  Incident.set(inc, 'confirmed_by', who)
  Incident.set(inc, 'manager_reason', '')
  Incident.set(inc, 'with_manager', '')
  Clocks.overdue(inc, 'confirm', false)
  Clocks.overdue(inc, 'update', false)
  Timeline.add(inc, 'confirmed', item.actor, said(item, { by = who }))
  States.close_if_allowed(ctx, inc, item.actor)
  return true
end

function effects.close(ctx, inc, item)
  write_resolution(ctx, inc, item)
  local why = States.unclosable(inc)
  if not why and (inc.f.resolution or '') == '' then
    why = 'no resolution is written'
  end
  if why and not (item.force == true and manager(item)) then
    B.deny('not_allowed', 'not yet: ' .. why)
  end
  if why then
    required(item, 'text')
  end
  States.close(ctx, inc, item.actor, said(item, { forced = why }))
  return true
end

-- Its group key may have gone to a newer incident.
local function not_superseded(ctx, inc)
  States.each_key(inc, function(key)
    local other = Incident.look(ctx, 'open', key)
    if other and other ~= inc.id then
      B.deny('superseded', other .. ' is open for the same cause', { incident = other })
    end
  end)
end

function effects.reopen(ctx, inc, item)
  required(item, 'text')
  not_superseded(ctx, inc)
  States.reopen(ctx, inc, nil, item.actor, said(item))
  return true
end

function effects.reopen_closed(ctx, inc, item)
  required(item, 'text')
  local f = Incident.fill(inc).f
  if (f.merged_into or '') ~= '' then
    B.deny('not_allowed', 'it was merged into ' .. f.merged_into)
  end
  if not manager(item) then
    B.deny('forbidden', 'a closed incident is reopened by a manager')
  end
  not_superseded(ctx, inc)
  local sla = Settings.sla(f.priority)
  if B.now - (tonumber(f.closed_at) or 0) <= (sla.reopen_within or sla.grace or 0) then
    Recall.alerts(ctx, inc)
    States.reopen(ctx, inc, nil, item.actor, said(item))
    return true
  end
  f.url_base = string.sub(f.url or '', 1, -#inc.id - 1)
  local fresh = Joining.open(ctx, {
    uid = string.sub(redis.sha1hex(ctx.seed), 1, 16), group_key = f.group_key or '',
    rule = f.rule or '', impact = f.impact, urgency = f.urgency, first = B.now, meta = f,
  }, inc, item.actor)
  return true, fresh
end

local function mergeable(ctx, inc, item)
  local id = required(item, 'into')
  local target = Incident.exact(ctx, id)
  if not target then
    B.deny('bad_request', 'there is no incident ' .. id .. ' in this team')
  elseif id == inc.id then
    B.deny('bad_request', 'an incident is not merged into itself')
  elseif not Incident.active(target) then
    B.deny('not_allowed', id .. ' is ' .. target.f.state)
  end
  return Incident.fill(target)
end

local function take_systems(target, inc)
  local names = B.json(inc.f.systems or '') or {}
  if (tonumber(inc.f.system_count) or 0) > Systems.LISTED then
    names = redis.call('SRANDMEMBER', B.base .. 'systems:' .. inc.id, 10000)
  end
  for _, name in ipairs(names) do
    Systems.add(target, name)
  end
end

-- Alerts stay where they are: look-ups follow merged_into, counts go over.
function effects.merge(ctx, inc, item)
  local target = mergeable(ctx, inc, item)
  local f, before = Incident.fill(inc).f, target.f.priority
  Incident.touch(target)
  for _, name in ipairs({ 'alerts', 'firing', 'count', 'muted', 'stale' }) do
    local n = Incident.number(inc, name)
    if n > 0 then
      Incident.set(target, name, Incident.number(target, name) + n)
    end
  end
  local look, theirs = Incident.number(inc, 'suppress_until'), Incident.number(target, 'suppress_until')
  if look > 0 and (theirs == 0 or look < theirs) then
    Incident.set(target, 'suppress_until', look)
    Incident.set(target, 'muted_by', Incident.get(inc, 'muted_by'))
  end
  take_systems(target, inc)
  local merged = Incident.get(target, 'merged')
  for _, id in ipairs({ inc.id, Incident.get(inc, 'merged') }) do
    if id ~= '' then
      merged = merged == '' and id or merged .. ',' .. id
    end
  end
  Incident.set(target, 'merged', merged)
  local keys = {}
  States.each_key(inc, function(key)
    local now = Incident.look(ctx, 'open', key)
    if not now or now == inc.id then
      keys[#keys + 1] = key
    end
  end)
  Incident.set(inc, 'merged_into', target.id)
  Incident.set(inc, 'firing', 0)
  Incident.set(inc, 'muted', '')
  States.close(ctx, inc, item.actor, said(item, { into = target.id }))
  local more = B.json(Incident.get(target, 'more_keys')) or {}
  for _, key in ipairs(keys) do
    Incident.point(ctx, 'open', key, target.id)
    more[#more + 1] = key
  end
  if #more > 0 then
    Incident.set(target, 'more_keys', cjson.encode(more))
  end
  if tonumber(target.f.firing) > 0 then
    Incident.set(target, 'ended_at', '')
  end
  Timeline.add(target, 'merged', item.actor, { from = inc.id })
  local change = Priority.consider(target, f.impact, f.urgency)
  if change then
    States.priority_changed(ctx, target, change, before, item.actor, { merged = inc.id })
  end
  Suppression.sync(target)
  return true
end

-- ---- opening by hand -------------------------------------------------------------------------
local function open_by_hand(ctx, item)
  local impact, urgency = required(item, 'impact'), required(item, 'urgency')
  if not (Settings.LEVEL[impact] and Settings.LEVEL[urgency]) then
    B.deny('bad_request', 'impact and urgency are high, medium or low')
  end
  local meta = { source = 'manual', title = required(item, 'title') }
  for _, name in ipairs({ 'summary', 'category', 'subcategory', 'service', 'url_base' }) do
    meta[name] = text(item, name)
  end
  local inc = Joining.open(ctx, {
    uid = string.sub(redis.sha1hex(ctx.seed), 1, 16), group_key = '', rule = '', impact = impact,
    urgency = urgency, first = B.now, meta = meta,
  }, nil, item.actor)
  Incident.set(inc, 'reported_by', text(item, 'reported_by'))
  local systems = item.systems
  if type(systems) == 'table' then
    for i = 1, math.min(#systems, 1000) do
      Systems.add(inc, tostring(systems[i]))
    end
  end
  local blast = Settings.blast(tonumber(inc.f.system_count) or 0)
  if blast and Settings.LEVEL[blast] > Settings.LEVEL[impact] then
    local before = inc.f.priority
    local change = Priority.consider(inc, blast, urgency)
    if change then
      States.priority_changed(ctx, inc, change, before, nil, { systems = inc.f.system_count })
    end
  end
  return true, inc
end

-- ---- one verb --------------------------------------------------------------------------------
-- Verbs that the state allows.
function Verbs.allowed(state)
  local list = {}
  for verb, by_state in pairs(States.VERBS) do
    if by_state[state] and by_state[state] ~= 'unchanged' then
      list[#list + 1] = verb
    end
  end
  table.sort(list)
  return list
end

local function found(ctx, item)
  local id = required(item, 'id')
  local inc = Incident.exact(ctx, id)
  if not inc then
    B.deny('not_found', 'there is no incident ' .. id)
  end
  Incident.fill(inc)
  local uid = text(item, 'uid')
  if uid ~= '' and uid ~= inc.f.uid then
    B.deny('other_incident', id .. ' is another incident by now')
  end
  local version = number(item, 'if_version')
  if version and version ~= Incident.number(inc, 'version') then
    B.deny('version', 'it is at version ' .. (inc.f.version or '0'), { id = id })
  end
  return inc
end

-- Plans a verb: changed, incident (or nil for records).
function Verbs.plan(ctx, item)
  item.actor = required(item, 'actor')
  local verb = required(item, 'verb')
  if verb == 'open' then
    return open_by_hand(ctx, item)
  end
  if Records.VERBS[verb] then
    return Records.VERBS[verb](ctx, item)
  end
  local by_state = States.VERBS[verb]
  if not by_state then
    B.deny('bad_request', 'unknown verb ' .. verb)
  end
  local inc = found(ctx, item)
  local effect = by_state[inc.f.state]
  if not effect then
    local allowed = Verbs.allowed(inc.f.state)
    B.deny('not_allowed', 'it is ' .. inc.f.state, { allowed = allowed })
  end
  local changed, other = effects[effect](ctx, inc, item)
  if changed and inc.f.state == 'acknowledged' then
    Clocks.drop(inc, 'reacknowledge') -- starts anew with any entry by a person
  end
  return changed, other or inc
end
