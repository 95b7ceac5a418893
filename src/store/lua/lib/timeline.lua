-- timeline: what happened to an incident, for people (list timeline:ID) and for programs (stream
-- events). Collected while planning, written when the incident is stored.
local Timeline = B.lazy(function(Timeline)

Timeline.EVENTS_MAX = '100000'
Timeline.ENTRIES_MAX = 1000

-- Adds an event to the plan. who: actor, nil = triaged itself. more: members of the entry.
function Timeline.add(inc, event, actor, more)
  local f = Incident.fill(inc).f
  local version = (tonumber(f.version) or 0) + 1
  f.version, inc.dirty.version = version, true
  if not inc.is_new then
    f.updated_at, inc.dirty.updated_at = B.now, true
  end
  local list = inc.events or {}
  inc.events = list
  list[#list + 1] = {
    event = event, actor = actor or 'triaged', version = version, state = f.state,
    priority = f.priority, tier = f.tier, more = more,
  }
end

local function entry_detail(more)
  if not more or not next(more) then
    return ''
  end
  return (string.gsub(cjson.encode(more), '\\/', '/'))
end

-- Writes the collected events of an incident.
function Timeline.store(inc)
  local f, now, lines = inc.f, B.int(B.now), {}
  for i, e in ipairs(inc.events) do
    local detail = entry_detail(e.more)
    redis.call('XADD', B.base .. 'events', 'MAXLEN', '~', Timeline.EVENTS_MAX, '*',
      'at', now, 'event', e.event, 'incident', inc.id, 'uid', f.uid or '', 'version', B.int(e.version),
      'state', e.state or '', 'priority', e.priority or '', 'tier', e.tier or '',
      'actor', e.actor, 'title', f.title or '', 'detail', detail)
    lines[i] = '{"at":' .. now .. ',"event":"' .. e.event .. '","actor":' .. B.quote(e.actor)
      .. (detail ~= '' and ',' .. string.sub(detail, 2) or '}')
  end
  local key = B.base .. 'timeline:' .. inc.id
  local length = redis.call('RPUSH', key, unpack(lines))
  if length > Timeline.ENTRIES_MAX then
    redis.call('LTRIM', key, -Timeline.ENTRIES_MAX, -1)
    redis.call('HINCRBY', B.base .. 'incident:' .. inc.id, 'timeline_dropped',
      length - Timeline.ENTRIES_MAX)
  end
  inc.events = false
end

end)
