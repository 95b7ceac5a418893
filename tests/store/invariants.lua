-- What must hold between any two calls (lifecycle, section 4). Reads all keys of the team and gives a
-- list of sentences, empty when all is well. Writes only its own memory, check:{net}:was, by which it
-- sees what the last call changed. KEYS 1: the memory. ARGV: team's prefix, now, kind of the step
-- ("tick": everything due must be worked off; "fresh": a Redis that lost something: no memory; else "").
local base, now, step = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local bad = {}
local RANK = { P1 = 1, P2 = 2, P3 = 3, P4 = 4 }
local HORIZON = { settle = true, grace = true }
local NEAR = { acknowledge = true, reacknowledge = true, tier2 = true, tier3 = true, update = true,
  confirm = true }
-- event -> states it may leave an incident in; and the state before that it needs, if any
local AFTER = {
  opened = 'open', acknowledged = 'acknowledged', taken_over = 'acknowledged', resolved = 'resolved',
  reopened = 'open', closed = 'closed', stalled = 'open', escalated = 'open acknowledged',
  unassigned = 'open', returned = 'open resolved', released = 'open', unconfirmed = 'resolved',
  unclosed = 'resolved', verified = 'resolved', confirmed = 'resolved', mended = 'resolved',
  noted = 'resolved', review_overdue = 'closed', reviewed = 'resolved closed',
}
local BEFORE = {
  acknowledged = 'open', stalled = 'acknowledged', taken_over = 'acknowledged',
  released = 'acknowledged', reopened = 'resolved closed', resolved = 'open acknowledged',
}
-- what lets the acknowledgement clock start anew; a raise may do so too (P1, P2 left to the manager)
local RENEWS = {
  opened = true, reopened = true, stalled = true, released = true, unsuppressed = true,
  unsnoozed = true, assigned = true, escalated = true, raised = true,
}

local function say(id, ...)
  local parts = { id }
  for i = 1, select('#', ...) do
    parts[#parts + 1] = tostring((select(i, ...)))
  end
  bad[#bad + 1] = table.concat(parts, ' ')
end

local function pairs_of(list)
  local t = {}
  for i = 1, #list, 2 do
    t[list[i]] = list[i + 1]
  end
  return t
end

local function zset(name)
  return pairs_of(redis.call('ZRANGE', base .. name, 0, -1, 'WITHSCORES'))
end

local function hash(key)
  return pairs_of(redis.call('HGETALL', key))
end

local function clocks_of(f)
  local clocks = {}
  for kind, budget, used, since, mark in
    string.gmatch(f.clocks or '', '(%l+%d?):(%-?%d+):(%-?%d+):(%d+):(%d+)') do
    local c = { budget = tonumber(budget), used = tonumber(used), since = tonumber(since),
      mark = tonumber(mark) }
    c.due = c.since > 0 and c.mark < 2 and c.since + c.budget - c.used or nil
    clocks[kind] = c
  end
  return clocks
end

-- ---- what is there -----------------------------------------------------------------------------
local settings = hash(base .. 'settings')
now = math.max(now, tonumber(settings.last_now) or 0)
local board, closed, deadlines, leases = zset('board'), zset('closed'), zset('deadlines'), zset('leases')
local open, last, firing = hash(base .. 'open'), hash(base .. 'last'), hash(base .. 'firing')
local memory = step ~= 'fresh' and cjson.decode(redis.call('GET', KEYS[1]) or '{}') or {}
local was, remember = memory.incidents or {}, {}

local horizon = now
for _, text in pairs(hash(base .. 'horizon')) do
  local waiting, beat = string.match(text, '^(%d+) (%d+)$')
  waiting, beat = tonumber(waiting), tonumber(beat)
  horizon = math.min(horizon, beat, waiting > 0 and waiting or beat)
end

local incs, order = {}, {}
for _, listed in ipairs({ board, closed }) do
  for id in pairs(listed) do
    if incs[id] then
      say(id, 'stands on the board and among the closed')
    end
    incs[id] = hash(base .. 'incident:' .. id)
    order[#order + 1] = id
    if not incs[id].id then
      say(id, 'is listed and has no record')
      return bad
    end
  end
end
table.sort(order)

local function root(id)
  while incs[id] and incs[id].merged_into do
    id = incs[id].merged_into
  end
  return id
end

local parts = {} -- incident -> those merged into it, and itself
for _, id in ipairs(order) do
  local r = root(id)
  parts[r] = parts[r] or {}
  table.insert(parts[r], id)
end

if redis.call('EXISTS', base .. 'parked') == 1 then
  say('parked:', cjson.encode(redis.call('HGETALL', base .. 'parked')))
end

-- ---- events: in order, once, and only such as the state allows ----------------------------------
local events = redis.call('XRANGE', base .. 'events', memory.event and '(' .. memory.event or '-', '+')
local newest, states, versions, renewed = memory.event, {}, {}, {}
for _, e in ipairs(events) do
  local f = pairs_of(e[2])
  newest = e[1]
  local id, before = f.incident, nil
  if id ~= '' then
    local w = was[id]
    before = states[id] or (w and w.state)
    local version = versions[id] or (w and w.version) or 0
    if tonumber(f.version) ~= version + 1 and step ~= 'fresh' then
      say(id, 'event', f.event, 'has version', f.version, 'after', version)
    end
    if AFTER[f.event] and not string.find(AFTER[f.event], f.state, 1, true) then
      say(id, 'event', f.event, 'leaves it', f.state)
    end
    if BEFORE[f.event] and before and not string.find(BEFORE[f.event], before, 1, true) then
      say(id, 'event', f.event, 'in state', before)
    end
    if f.event == 'opened' and w then
      say(id, 'opened again')
    end
    states[id], versions[id] = f.state, tonumber(f.version)
    if f.actor == 'clock' then
      memory.once = memory.once or {}
      local last = memory.once[id .. f.event]
      local tier = string.match(f.detail, '"to":"(tier%d)"')
      if f.event == 'escalated' and tier then
        if memory.once[id .. tier] then
          say(id, 'escalated twice by the clock to', tier)
        end
        memory.once[id .. tier] = 1
      elseif f.event == 'unassigned' and last and last > (memory.once[id .. 'entry'] or 0)
        and tonumber(f.at) - last < 900000 then
        say(id, 'unassigned again after', tonumber(f.at) - last, 'ms')
      end
      memory.once[id .. f.event] = tonumber(f.at)
      if f.event == 'closed' and RANK[f.priority] <= 2 then
        local inc = incs[id]
        if inc and settings.sla == nil and not (inc.confirmed_at and inc.verified_at and inc.resolution) then
          say(id, 'closed by the clock without confirmation, verification or resolution')
        end
      end
    end
    if RENEWS[f.event] then
      memory.once = memory.once or {}
      memory.once[id .. 'entry'] = tonumber(f.at)
      renewed[id] = renewed[id] or f.event ~= 'raised'
    end
  end
end

-- ---- queues ------------------------------------------------------------------------------------
local entries = {}
for _, tier in ipairs({ 'tier1', 'tier2', 'tier3', 'manager' }) do
  for priority in pairs(RANK) do
    local queue = tier .. ':' .. priority
    for _, e in ipairs(redis.call('XRANGE', base .. 'queue:' .. queue, '-', '+')) do
      local f = pairs_of(e[2])
      if entries[f.incident] then
        say(f.incident, 'stands in two entries')
      end
      f.place, f.entry = queue, e[1]
      entries[f.incident] = f
    end
  end
end
for id in pairs(entries) do
  if not incs[id] then
    say(id, 'has an entry and no record')
  end
end

local function check_queue(id, f)
  local e = entries[id]
  local flagged = f.suppressed_by or f.snoozed_until
  local wanted = (f.state == 'open' and not flagged) or (f.state == 'resolved' and f.manager_reason)
  if wanted and not e then
    say(id, f.state, 'and on no queue')
  elseif e and not wanted then
    say(id, f.state, flagged and 'flagged' or '', 'and on queue', e.place)
  elseif not e then
    if f.entry then
      say(id, 'knows of an entry that is not there')
    end
  else
    if f.entry ~= e.entry or f.queue then
      say(id, 'has another entry than it knows')
    end
    local tier = f.with_manager and 'manager' or f.tier
    if e.place ~= tier .. ':' .. f.priority then
      say(id, 'stands on', e.place, 'and belongs to', tier .. ':' .. f.priority)
    end
    if e.priority ~= f.priority or e.impact ~= f.impact or e.urgency ~= f.urgency
      or e['for'] ~= (f['for'] or '') then
      say(id, 'its entry does not say what it is')
    end
  end
end

-- ---- alerts ------------------------------------------------------------------------------------
local function number(f, name)
  return tonumber(f[name] or 0)
end

local function check_alerts(id, f, stale_before)
  local total, count, fires, muted, stale_now, stales = 0, 0, 0, 0, 0, {}
  for _, holder in ipairs(parts[id]) do
    for fp, text in pairs(hash(base .. 'alerts:' .. holder)) do
      local a = cjson.decode(text)
      total, count = total + 1, count + a.count
      if a.state == 'firing' then
        fires = fires + 1
        muted = muted + (a.suppressed_until and 1 or 0)
        if f.state ~= 'closed' and firing[fp] ~= holder then
          say(id, 'alert', fp, 'fires, and `firing` leads to', firing[fp])
        end
        local member = holder .. '/' .. fp
        if f.state ~= 'closed' and a.lease > 0
          and not (leases[member] and tonumber(leases[member]) <= a.lease) then
          say(id, 'alert', fp, 'fires with a lease that nobody looks at')
        end
      elseif a.state == 'stale' then
        stale_now = stale_now + 1
        stales[#stales + 1] = fp
        if not stale_before[fp] and a.lease > horizon and step ~= 'fresh' then
          say(id, 'alert', fp, 'went stale beyond the horizon')
        end
      end
    end
  end
  if number(f, 'alerts') ~= total then
    say(id, 'says', f.alerts, 'alerts and has', total)
  elseif number(f, 'count') ~= count then
    say(id, 'says count', f.count, 'and its alerts', count)
  elseif number(f, 'firing') ~= fires then
    say(id, 'says', f.firing, 'firing and has', fires)
  elseif number(f, 'muted') ~= muted then
    say(id, 'says', f.muted, 'muted and has', muted)
  elseif number(f, 'stale') ~= stale_now then
    say(id, 'says', f.stale, 'stale and has', stale_now)
  end
  local active = f.state == 'open' or f.state == 'acknowledged'
  if active and fires > 0 and (f.suppressed_by ~= nil) ~= (muted == fires) then
    say(id, 'suppressed_by', f.suppressed_by, 'with', muted, 'muted of', fires)
  end
  if f.state == 'acknowledged' and fires == 0 and total > 0 and not f.ended_at
    and number(f, 'reopens') == 0 and not f.merged then
    say(id, 'acknowledged with nothing firing')
  end
  return stales
end

-- ---- clocks ------------------------------------------------------------------------------------
local want = {}

local function spent(c, at)
  return c.used + (c.since > 0 and at - c.since or 0)
end

local function check_clocks(id, f, clocks, w)
  local first, first_kind
  for kind, c in pairs(clocks) do
    if c.budget < 0 or c.used < 0 then
      say(id, 'clock', kind, 'budget', c.budget, 'used', c.used)
    end
    if f.state == 'closed' and kind ~= 'review' then
      say(id, 'closed, with a clock', kind)
    end
    if c.due then
      local score = c.due
      if c.mark == 0 and NEAR[kind] then
        score = c.since + math.floor(c.budget * 0.75) - c.used
      end
      if HORIZON[kind] then
        want[id .. '/' .. kind] = score
      elseif not first or score < first or (score == first and kind < first_kind) then
        first, first_kind = score, kind
      end
      if step == 'tick' and score <= (HORIZON[kind] and horizon or now) then
        say(id, 'clock', kind, 'was due', (HORIZON[kind] and horizon or now) - score, 'ms ago')
      end
    end
  end
  if first then
    want[id .. '/' .. first_kind] = first
  end
  local ack = clocks.acknowledge
  if f.state == 'open' and ack and (ack.since == 0) ~= ((f.suppressed_by or f.snoozed_until) ~= nil) then
    say(id, 'open, and its acknowledge clock', ack.since == 0 and 'rests' or 'runs')
  elseif f.state == 'open' and RANK[f.priority] <= 2 and ack and not ack.due and ack.since > 0 then
    say(id, f.priority, 'is unassigned and nothing will name it again')
  end
  if w and w.settings == settings.hash then
    for _, kind in ipairs({ 'tier2', 'tier3' }) do
      local c, before = clocks[kind], w.clocks[kind]
      if before and c and before.mark < 2 then
        if c.mark < 2 and spent(c, now) ~= spent(before, now) and spent(c, now) ~= spent(before, w.now)
          and f.state == w.state and f.version - w.version < 3 then
          say(id, 'clock', kind, 'was spent', spent(before, now), 'and is', spent(c, now))
        elseif c.mark < 2 and spent(c, now) < spent(before, w.now) then
          say(id, 'clock', kind, 'was spent', spent(before, w.now), 'and is', spent(c, now))
        end
      elseif before and f.state ~= 'closed' and not c then
        say(id, 'clock', kind, 'was lost')
      elseif before and before.mark == 2 and c and c.mark < 2 then
        say(id, 'clock', kind, 'starts anew')
      end
    end
    if RANK[f.priority] < RANK[w.priority] and f.state == w.state and not renewed[id] then
      for kind, c in pairs(clocks) do
        local before = w.clocks[kind]
        if before and before.due and c.due and NEAR[kind] and c.mark <= before.mark
          and c.due > before.due and kind ~= 'reacknowledge' then
          say(id, 'raised, and', kind, 'is due', c.due - before.due, 'ms later')
        end
      end
    end
  end
end

-- ---- incidents ---------------------------------------------------------------------------------
local digest = {}
for _, id in ipairs(order) do
  local f = incs[id]
  local w = was[id]
  local clocks = clocks_of(f)
  if not string.find(' open acknowledged resolved closed ', ' ' .. (f.state or '') .. ' ', 1, true) then
    say(id, 'state', f.state)
  end
  if (closed[id] ~= nil) ~= (f.state == 'closed') then
    say(id, f.state, 'and', closed[id] and '' or 'not', 'among the closed')
  end
  local rank = (RANK[f.priority] or 0) + (f.state == 'resolved' and 4 or 0)
  if board[id] and math.floor(tonumber(board[id]) / 1e13) ~= rank then
    say(id, 'stands wrong on the board')
  end
  if (f.state == 'acknowledged') ~= (f.assignee ~= nil) and f.state ~= 'resolved' and f.state ~= 'closed' then
    say(id, f.state, 'with assignee', f.assignee)
  end
  if f.state == 'resolved' and not (f.resolved_at and f.grace_from and clocks.grace) then
    say(id, 'resolved without resolved_at, grace_from or a grace clock')
  end
  if f.state == 'closed' and not f.merged_into and RANK[f.priority] <= 2 and not f.review then
    say(id, f.priority, 'closed and no review is owed')
  end
  check_queue(id, f)
  local stale_before = {}
  for _, fp in ipairs(w and w.stales or {}) do
    stale_before[fp] = true
  end
  local stales = {}
  if not f.merged_into then
    stales = check_alerts(id, f, stale_before)
  elseif f.state ~= 'closed' then
    say(id, 'merged and', f.state)
  end
  check_clocks(id, f, clocks, w)
  if w and step ~= 'fresh' and tonumber(f.version) < w.version then
    say(id, 'version fell')
  elseif w and tonumber(f.version) == w.version and f.state ~= w.state then
    say(id, 'state changed without an event')
  end
  if versions[id] and states[id] ~= f.state then
    say(id, 'is', f.state, 'and its last event says', states[id])
  end
  remember[id] = { state = f.state, version = tonumber(f.version), priority = f.priority,
    now = now, clocks = clocks, stales = stales, settings = settings.hash }
  for _, name in ipairs({ 'version', 'state', 'priority', 'assignee', 'clocks', 'entry', 'firing',
    'resolution', 'confirmed_at', 'merged', 'snoozed_until', 'tier', 'for', 'kind', 'alerts' }) do
    digest[#digest + 1] = f[name] or ''
  end
end

for member, at in pairs(want) do
  if not deadlines[member] then
    say(member, 'has no deadline')
  elseif tonumber(deadlines[member]) ~= at then
    say(member, 'has its deadline at', deadlines[member] - at, 'ms beside')
  end
end
for member in pairs(deadlines) do
  if not want[member] and string.sub(member, 1, 10) ~= 'heartbeat/' then
    say(member, 'is a deadline of nothing')
  end
end
for member, at in pairs(leases) do
  local id = string.match(member, '^(.-)/')
  if step == 'tick' and tonumber(at) <= horizon then
    say(member, 'is a lease that should have been looked at')
  elseif not incs[id] then
    say(member, 'is a lease of nothing')
  end
end
for key, id in pairs(open) do
  if not incs[id] or not (incs[id].state == 'open' or incs[id].state == 'acknowledged') then
    say('open', key, 'leads to', id, incs[id] and incs[id].state)
  end
end
for _, id in ipairs(order) do
  local f = incs[id]
  local heir = last[f.group_key] -- may have taken the key over, after join_within
  if (f.state == 'open' or f.state == 'acknowledged') and f.group_key and not open[f.group_key]
    and not (incs[heir] and heir ~= id) then
    say(id, f.state, 'and nothing leads to it by', f.group_key)
  end
end

memory.incidents, memory.event = remember, newest
redis.call('SET', KEYS[1], cjson.encode(memory))
return { redis.sha1hex(table.concat(digest, ' ')), unpack(bad) }
