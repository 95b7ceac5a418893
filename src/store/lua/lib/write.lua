-- write: stores a plan. The only place where incidents, alerts and look-ups are written; queue
-- first, since the entry's id becomes a field.
local Write = {}

local function board(inc)
  local f = inc.f
  local rank = Settings.RANK[f.priority] or 4
  if f.state == 'closed' then
    redis.call('ZREM', B.base .. 'board', inc.id)
    redis.call('ZADD', B.base .. 'closed', f.closed_at, inc.id)
    return
  end
  if f.state == 'resolved' then
    rank = rank + 4
  end
  if not inc.is_new then
    redis.call('ZREM', B.base .. 'closed', inc.id)
  end
  redis.call('ZADD', B.base .. 'board', B.int(rank * 1e13 + (tonumber(f.opened_at) or 0)), inc.id)
end

-- What a repeat is measured by (repeats.lua), in one short field.
local function cell(inc)
  local f = inc.f
  if (f.merged_into or '') ~= '' then
    return '>' .. f.merged_into
  elseif f.state == 'closed' then
    return ''
  end
  local impact, urgency = Priority.computed(inc)
  return impact .. '/' .. urgency .. (f.resolve_after and ' ' .. f.resolve_after or '')
end

local function fields(inc)
  local f, set, drop, dirty = inc.f, {}, {}, inc.dirty
  if inc.is_new or dirty.state or dirty.impact or dirty.urgency or dirty.auto_impact
    or dirty.auto_urgency or dirty.merged_into then
    Incident.set(inc, 'cell', cell(inc))
  end
  if inc.is_new then -- a number is a dear argument
    f.version, f.alerts, f.firing = B.int(f.version), B.int(f.alerts), B.int(f.firing)
    f.count, f.system_count = B.int(f.count), B.int(f.system_count)
    f.last_at = inc.last_at > 0 and B.int(inc.last_at) or ''
  end
  local n = 0
  for name in pairs(inc.is_new and f or dirty) do
    local value = f[name]
    if value == nil or value == '' then
      drop[#drop + 1] = name
    elseif name ~= 'queue' then -- not stored (Incident.fill)
      set[n + 1], set[n + 2] = name, value
      n = n + 2
    end
  end
  inc.dirty = {}
  if inc.seen and not inc.is_new then
    set[n + 1], set[n + 2], set[n + 3], set[n + 4] = 'count', B.int(f.count),
      'last_at', B.int(inc.last_at)
  end
  inc.seen = false
  local key = B.base .. 'incident:' .. inc.id
  B.call_many('HSET', key, set)
  if #drop > 0 and not inc.is_new then
    B.call_many('HDEL', key, drop)
  end
end

local function alerts(inc)
  local list, n = {}, 0
  for fingerprint, a in pairs(inc.alerts) do
    if a and a.dirty then
      list[n + 1], list[n + 2] = fingerprint, Alerts.encode(a)
      n = n + 2
      a.dirty = false
    end
  end
  if n > 0 then
    B.call_many('HSET', B.base .. 'alerts:' .. inc.id, list)
  end
end

-- Which reviews are owed and by when, so that they are counted without a look at what is closed.
local function review_due(inc)
  local due = inc.f.review_due or ''
  if due ~= '' then
    redis.call('ZADD', B.base .. 'reviews_due', due, inc.id)
  else
    redis.call('ZREM', B.base .. 'reviews_due', inc.id)
  end
end

function Write.incident(ctx, inc)
  if inc.problem_new then
    Problems.store(inc)
  end
  if inc.touched then
    Incident.fill(inc)
    Clocks.sync(inc)
    Queue.sync(ctx, inc)
    Clocks.store(inc)
    board(inc)
    inc.touched, inc.requeue = false, false
  end
  if inc.events then
    Incident.fill(inc)
    Timeline.store(inc)
  end
  if inc.systems_new then
    Systems.store(inc)
  end
  if inc.dirty.review_due then
    review_due(inc)
  end
  if inc.is_new or next(inc.dirty) then
    fields(inc)
  elseif inc.seen then
    redis.call('HSET', B.base .. 'incident:' .. inc.id, 'count', B.int(inc.f.count),
      'last_at', B.int(inc.last_at))
    inc.seen = false
  end
  alerts(inc)
  inc.is_new = false
end

local function look_ups(ctx, hash)
  local set, drop = {}, {}
  for name, id in pairs(ctx[hash .. '_new']) do
    if id then
      set[#set + 1] = name
      set[#set + 1] = id
    else
      drop[#drop + 1] = name
    end
  end
  B.call_many('HSET', B.base .. hash, set)
  B.call_many('HDEL', B.base .. hash, drop)
  ctx[hash .. '_new'] = {}
end

local function leases(ctx)
  local add, drop = {}, {}
  for member, till in pairs(ctx.leases_add) do
    add[#add + 1] = B.int(till)
    add[#add + 1] = member
  end
  for member in pairs(ctx.leases_drop) do
    drop[#drop + 1] = member
  end
  B.call_many('ZADD', B.base .. 'leases', add)
  B.call_many('ZREM', B.base .. 'leases', drop)
  ctx.leases_add, ctx.leases_drop = {}, {}
end

function Write.all(ctx)
  if ctx.id_next then
    redis.call('SET', B.base .. 'id', B.int(ctx.id_next))
  end
  for _, inc in ipairs(ctx.list) do
    Write.incident(ctx, inc)
  end
  look_ups(ctx, 'firing')
  look_ups(ctx, 'open')
  look_ups(ctx, 'last')
  leases(ctx)
  if ctx.thresholds then
    Threshold.store(ctx)
  end
  for _, fn in ipairs(ctx.after or {}) do
    fn()
  end
  if ctx.beats then
    Beats.store(ctx)
  end
end
