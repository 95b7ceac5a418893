-- records: what is kept beside incidents: reviews, action items, known errors, problems, and how
-- often a fix was used. Each a hash of JSON objects. Planned like the rest: written by ctx.after.
local Records = B.lazy(function(Records)

local TEXT_MAX = 65536
local KNOWN_ERRORS_MAX = 500 -- of a team: daemons match no more

local function later(ctx, fn)
  ctx.after = ctx.after or {}
  ctx.after[#ctx.after + 1] = fn
end

local function stored(hash, id)
  return B.json(redis.call('HGET', B.base .. hash, id) or '')
end

local function store(ctx, hash, id, record)
  record.updated_at = B.now
  ctx.record = record
  later(ctx, function()
    redis.call('HSET', B.base .. hash, id, cjson.encode(record))
  end)
end

-- Takes the named texts over; true when one changed.
local function take(record, item, names)
  local changed = false
  for _, name in ipairs(names) do
    local value = item[name]
    if value ~= nil and value ~= cjson.null then
      if type(value) == 'string' and #value > TEXT_MAX then
        B.deny('bad_request', name .. ' is too long')
      end
      if record[name] ~= value then
        record[name] = value
        changed = true
      end
    end
  end
  return changed
end

local function fresh_action(ctx, given, incident, actor)
  if type(given) ~= 'table' or type(given.text) ~= 'string' or given.text == '' then
    B.deny('bad_request', 'an action is an object with a text')
  end
  if not ctx.action_id then
    ctx.action_id = tonumber(redis.call('GET', B.base .. 'action_id') or 0) or 0
  end
  ctx.action_id = ctx.action_id + 1
  local id, n = 'ACT-' .. B.int(ctx.action_id), ctx.action_id
  local action = { id = id, incident = incident, text = given.text, owner = given.owner,
    due_at = given.due_at, state = 'open', created_at = B.now, created_by = actor,
    updated_at = B.now }
  later(ctx, function()
    redis.call('SET', B.base .. 'action_id', B.int(n))
    redis.call('HSET', B.base .. 'actions', id, cjson.encode(action))
  end)
  return id
end

local function put_known_error(ctx, given, incident, actor)
  local id = type(given) == 'table' and given.id
  if type(id) ~= 'string' or not string.find(id, '^[%w_.-]+$') or #id > 64 then
    B.deny('bad_request', 'a known error has an id of letters, digits, "-", "_" and "."')
  elseif type(given.match) ~= 'table' or #given.match == 0 then
    B.deny('bad_request', 'a known error has a list of matchers: match')
  end
  local record = stored('known_errors', id)
  if not record and redis.call('HLEN', B.base .. 'known_errors') >= KNOWN_ERRORS_MAX then
    B.deny('bad_request', 'the team has ' .. KNOWN_ERRORS_MAX .. ' known errors: take one back first')
  end
  record = record or { id = id, created_at = B.now, created_by = actor,
    incident = incident }
  take(record, given, { 'match', 'title', 'workaround', 'kb' })
  store(ctx, 'known_errors', id, record)
end

Records.VERBS = {}

-- The post-incident review of an incident; `done` completes it.
function Records.VERBS.review(ctx, item)
  local inc = type(item.id) == 'string' and Incident.exact(ctx, item.id)
  if not inc then
    B.deny('not_found', 'there is no such incident')
  end
  local f = Incident.fill(inc).f
  if Incident.active(inc) then
    B.deny('not_allowed', 'it is ' .. f.state)
  end
  local record = stored('reviews', inc.id) or { id = inc.id, uid = f.uid, state = 'due',
    created_at = B.now, actions = {} }
  local changed = take(record, item, { 'summary', 'impact_text', 'root_cause', 'contributing',
    'detection', 'lessons', 'document' })
  local actions = type(record.actions) == 'table' and record.actions or {}
  for _, given in ipairs(type(item.actions) == 'table' and item.actions or {}) do
    actions[#actions + 1] = fresh_action(ctx, given, inc.id, item.actor)
    changed = true
  end
  record.actions = actions
  if type(item.known_error) == 'table' then
    put_known_error(ctx, item.known_error, inc.id, item.actor)
    record.known_error = item.known_error.id
    changed = true
  end
  if item.done == true and record.state ~= 'done' then
    if (record.root_cause or '') == '' then
      B.deny('bad_request', 'root_cause is missing')
    end
    record.state, record.done_at, record.done_by = 'done', B.now, item.actor
    Incident.touch(inc)
    Incident.set(inc, 'review', 'done')
    Incident.set(inc, 'review_due', '')
    Clocks.overdue(inc, 'review', false)
    changed = true
    Timeline.add(inc, 'reviewed', item.actor, { root_cause = record.root_cause })
  end
  if changed then
    store(ctx, 'reviews', inc.id, record)
  end
  return changed, inc
end

-- An action item: a new one, or one that moves on.
function Records.VERBS.action(ctx, item)
  if item.action == nil or item.action == '' then
    local id = fresh_action(ctx, item, item.id, item.actor)
    ctx.record = { id = id }
    return true, nil
  end
  local record = stored('actions', tostring(item.action))
  if not record then
    B.deny('not_found', 'there is no action ' .. tostring(item.action))
  elseif item.state ~= nil and item.state ~= 'open' and item.state ~= 'done' then
    B.deny('bad_request', 'state is open or done')
  end
  local changed = take(record, item, { 'text', 'owner', 'due_at', 'state' })
  if changed then
    record.done_at = record.state == 'done' and B.now or nil
    store(ctx, 'actions', record.id, record)
  end
  return changed, nil
end

function Records.VERBS.problem(ctx, item)
  local record = stored('problems', tostring(item.problem))
  if not record then
    B.deny('not_found', 'there is no problem ' .. tostring(item.problem))
  end
  local states = { candidate = true, open = true, known = true, closed = true }
  if item.state ~= nil and not states[item.state] then
    B.deny('bad_request', 'state is candidate, open, known or closed')
  end
  local changed = take(record, item, { 'title', 'state', 'owner', 'root_cause', 'workaround',
    'known_error', 'text' })
  if changed then
    store(ctx, 'problems', record.id, record)
  end
  return changed, nil
end

function Records.VERBS.known_error(ctx, item)
  if item.delete == true then
    local id = tostring(item.known_error)
    if not stored('known_errors', id) then
      return false, nil
    end
    later(ctx, function()
      redis.call('HDEL', B.base .. 'known_errors', id)
    end)
    return true, nil
  end
  item.known_error = type(item.known_error) == 'table' and item.known_error or item
  put_known_error(ctx, item.known_error, nil, item.actor)
  return true, nil
end

-- A fix was used: the third time for the same error it is a task for automation.
function Records.fix_used(ctx, inc, fix)
  local f = inc.f
  local cause = (f.known_error or '') ~= '' and f.known_error or (f.rule or '') ~= '' and f.rule
    or f.category or ''
  local id = string.sub(redis.sha1hex(cause .. '\n' .. fix), 1, 12)
  local record = stored('fixes', id) or { id = id, fix = fix, cause = cause, uses = 0,
    state = 'seen', incidents = {}, created_at = B.now }
  record.uses = record.uses + 1
  record.incidents[#record.incidents + 1] = inc.id
  while #record.incidents > 20 do
    table.remove(record.incidents, 1)
  end
  if record.state == 'seen' and record.uses >= (Settings.table('automation').uses or 3) then
    record.state = 'candidate'
    Timeline.add(inc, 'automation_candidate', nil, { fix = fix, cause = cause, uses = record.uses })
  end
  local kept = ctx.record
  store(ctx, 'fixes', id, record)
  ctx.record = kept
end

end)
