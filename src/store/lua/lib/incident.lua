-- incident: the plan of a call. Incidents and their alerts are loaded once, changed in memory and
-- written back once (write.lua), so that nothing is written before everything is decided.
-- An empty field is an absent field.
local Incident = {}

-- What one more receipt of a known alert needs; all the rest is loaded when something really
-- changes (Incident.fill).
local incident_hot = { 'state', 'count', 'last_at', 'impact', 'urgency', 'merged_into',
  'resolve_after', 'auto_impact', 'auto_urgency' }
local incident_hot_set = {}
for i = 1, #incident_hot do
  incident_hot_set[incident_hot[i]] = true
end

local incident_seen = { count = true, last_at = true }

function Incident.context()
  return {
    list = {},               -- incidents touched, in order
    by_id = {},              -- id -> incident, or false when there is none
    firing = {}, firing_new = {},   -- fingerprint -> id or false; what changed
    open = {}, open_new = {},       -- group key -> id or false
    last = {}, last_new = {},
    leases_add = {}, leases_drop = {},
    id_next = nil,
    n = { opened = 0, reopened = 0, raised = 0, resolved = 0, updated = 0, held = 0,
          queued = 0, ignored = 0, stale = 0, closed = 0 },
  }
end

local function loaded(list, name)
  for i = 1, #list, 2 do
    if list[i] == name then
      return list[i + 1]
    end
  end
  return ''
end

-- The queue that its entry stands on: not a field of its own, since tier and priority say so.
local function standing(list)
  if loaded(list, 'entry') == '' then
    return ''
  end
  local tier = loaded(list, 'with_manager') ~= '' and 'manager' or loaded(list, 'tier')
  return tier .. ':' .. loaded(list, 'priority')
end

-- Field of an incident hash by names known to the plan: "" when absent.
function Incident.fill(inc)
  if inc.full then
    return inc
  end
  inc.full = true
  local list = redis.call('HGETALL', B.base .. 'incident:' .. inc.id)
  local f = inc.f
  for i = 1, #list, 2 do
    local name = list[i]
    if not inc.dirty[name] and not (inc.seen and incident_seen[name]) then
      f[name] = list[i + 1]
    end
  end
  f.queue = standing(list)
  return inc
end

function Incident.get(inc, name)
  local value = inc.f[name]
  if value == nil and not inc.full and not incident_hot_set[name] then
    Incident.fill(inc)
    value = inc.f[name]
  end
  return value or ''
end

function Incident.number(inc, name)
  return tonumber(Incident.get(inc, name)) or 0
end

function Incident.set(inc, name, value)
  local f = inc.f
  if f[name] ~= value then
    f[name] = value
    if not inc.is_new then
      inc.dirty[name] = true
    end
  end
end

local function incident_table(ctx, id, fields, full)
  -- besides: full, is_new, seen (count and last_at changed), touched, requeue, events, clocks
  local inc = { id = id, f = fields, dirty = {}, alerts = {}, full = full,
    last_at = tonumber(fields.last_at) or 0 }
  ctx.by_id[id] = inc
  ctx.list[#ctx.list + 1] = inc
  return inc
end

function Incident.new(ctx, id, fields)
  local inc = incident_table(ctx, id, fields, true)
  inc.is_new = true -- all its fields are written
  return inc
end

-- The incident of an id, as it is; false when there is none.
function Incident.exact(ctx, id)
  local inc = ctx.by_id[id]
  if inc ~= nil then
    return inc
  end
  local values = redis.call('HMGET', B.base .. 'incident:' .. id, unpack(incident_hot))
  if not values[1] then
    ctx.by_id[id] = false
    return false
  end
  local f = { state = values[1], count = values[2] or 0, last_at = values[3] or nil,
    impact = values[4] or nil, urgency = values[5] or nil }
  for i = 6, #incident_hot do
    if values[i] then
      f[incident_hot[i]] = values[i]
    end
  end
  return incident_table(ctx, id, f, false)
end

-- The same, following merges.
function Incident.load(ctx, id)
  for _ = 1, 8 do
    local inc = Incident.exact(ctx, id)
    if not inc or not inc.f.merged_into then
      return inc
    end
    id = inc.f.merged_into
  end
  return false
end

-- A look-up hash (firing, open, last) through the plan. The caches are filled by Incident.prefetch.
function Incident.look(ctx, hash, name)
  local value = ctx[hash][name]
  if value == nil then
    value = redis.call('HGET', B.base .. hash, name)
    ctx[hash][name] = value
  end
  return value
end

function Incident.prefetch(ctx, hash, names)
  if #names == 0 then
    return
  end
  local values = redis.call('HMGET', B.base .. hash, unpack(names))
  local cache = ctx[hash]
  for i = 1, #names do
    cache[names[i]] = values[i]
  end
end

function Incident.point(ctx, hash, name, id)
  ctx[hash][name] = id
  ctx[hash .. '_new'][name] = id
end

-- An alert of an incident, parsed; false when it is unknown there.
function Incident.alert(inc, fingerprint)
  local a = inc.alerts[fingerprint]
  if a == nil then
    local text = not inc.is_new and redis.call('HGET', B.base .. 'alerts:' .. inc.id, fingerprint)
    a = text and Alerts.parse(text) or false
    inc.alerts[fingerprint] = a
  end
  return a
end

-- Many at once.
function Incident.prefetch_alerts(inc, fingerprints)
  local values = redis.call('HMGET', B.base .. 'alerts:' .. inc.id, unpack(fingerprints))
  for i = 1, #fingerprints do
    local text = values[i]
    inc.alerts[fingerprints[i]] = text and Alerts.parse(text) or false
  end
end

-- All alerts of an incident; rare and dear.
function Incident.alerts_all(inc)
  local list = redis.call('HGETALL', B.base .. 'alerts:' .. inc.id)
  for i = 1, #list, 2 do
    if inc.alerts[list[i]] == nil then
      inc.alerts[list[i]] = Alerts.parse(list[i + 1]) or false
    end
  end
end

-- The incidents whose alerts are its own: itself and what was merged into it.
function Incident.holders(ctx, inc)
  local list = { inc }
  for id in string.gmatch(Incident.get(inc, 'merged'), '[^,]+') do
    list[#list + 1] = Incident.exact(ctx, id) or nil
  end
  return list
end

function Incident.lease(ctx, inc, fingerprint, till)
  local member = inc.id .. '/' .. fingerprint
  ctx.leases_drop[member] = nil
  ctx.leases_add[member] = till
end

function Incident.lease_drop(ctx, inc, fingerprint)
  local member = inc.id .. '/' .. fingerprint
  ctx.leases_add[member] = nil
  ctx.leases_drop[member] = true
end

-- The next incident number, decided in the plan and written with it.
function Incident.next_id(ctx)
  if not ctx.id_next then
    ctx.id_next = tonumber(redis.call('GET', B.base .. 'id') or 0) or 0
  end
  ctx.id_next = ctx.id_next + 1
  return Settings.team_id() .. '-' .. B.int(ctx.id_next)
end

-- State or flags moved: clocks, queue entry and board are looked at when it is written.
function Incident.touch(inc)
  inc.touched = true
  Incident.fill(inc)
end

function Incident.active(inc)
  return inc.f.state == 'open' or inc.f.state == 'acknowledged'
end
