-- queue: the one entry that an incident has in the work queues, or none.
-- Streams queue:TIER:PRIORITY, consumer group `responders`.
local Queue = B.lazy(function(Queue)

-- Where it would stand: the manager's queue once it was left unassigned, else its tier's.
function Queue.place(inc)
  local tier = Incident.get(inc, 'with_manager') ~= '' and 'manager' or inc.f.tier
  return tier .. ':' .. inc.f.priority
end

function Queue.wanted(inc)
  local f = inc.f
  if f.state == 'open' then
    return (f.suppressed_by or '') == '' and (f.snoozed_until or '') == ''
  end
  return f.state == 'resolved' and (f.manager_reason or '') ~= ''
end

function Queue.remove(inc)
  local f = inc.f
  local entry = f.entry or ''
  if entry == '' then
    return
  end
  local key = B.base .. 'queue:' .. f.queue
  redis.call('XACK', key, Groups.NAME, entry)
  redis.call('XDEL', key, entry)
  Incident.set(inc, 'entry', '')
  f.queue = ''
  Incident.set(inc, 'claimed_at', '')
  Incident.set(inc, 'claimed_by', '')
end

-- A short list of systems for the entry: the first 10 names.
local function entry_systems(inc)
  local text = inc.f.systems or ''
  if tonumber(inc.f.system_count or 0) <= 10 then
    return text ~= '' and text or '[]'
  end
  local list = B.json(text) or {}
  return (string.gsub(cjson.encode({ unpack(list, 1, 10) }), '\\/', '/'))
end

local function add(inc, reason)
  local f = inc.f
  local place = Queue.place(inc)
  local key = B.base .. 'queue:' .. place
  local clock = inc.clocks and inc.clocks.acknowledge
  local by = clock and clock.since > 0 and B.int(Clocks.due(clock)) or ''
  local entry = redis.call('XADD', key, '*',
    'incident', inc.id, 'priority', f.priority, 'team', B.team, 'tier', f.tier,
    'category', f.category or '', 'title', f.title or '', 'service', f.service or '',
    'impact', f.impact, 'urgency', f.urgency, 'triage', f.triage or '', 'reason', reason,
    'opened_at', f.opened_at or '', 'acknowledge_by', by, 'systems', entry_systems(inc),
    'system_count', f.system_count or '0', 'alerts', f.alerts or '0', 'url', f.url or '',
    'for', f['for'] or '', 'at', B.int(B.now))
  Incident.set(inc, 'entry', entry)
  f.queue = place -- not stored (Incident.fill)
  Incident.set(inc, 'reason', reason)
end

-- Makes the entry what the plan says. inc.requeue: a reason to stand there anew.
function Queue.sync(ctx, inc)
  if not Queue.wanted(inc) then
    Queue.remove(inc)
    return
  end
  if inc.requeue or (inc.f.entry or '') == '' or inc.f.queue ~= Queue.place(inc) then
    Queue.remove(inc)
    local reason = inc.requeue or inc.f.reason or ''
    add(inc, reason ~= '' and reason or 'returned')
    ctx.n.queued = ctx.n.queued + 1
  end
end

end)
