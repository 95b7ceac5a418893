-- problems: the same cause again and again, or one rule across several systems: a candidate for a
-- problem record (hash problems, id PRB-n -> JSON). One candidate per cause.
local Problems = B.lazy(function(Problems)

-- Notes a candidate once; the cause is the known error, else the group key, else the rule.
function Problems.candidate(inc, why)
  local f = Incident.fill(inc).f
  local cause = f.known_error or ''
  if cause == '' then
    cause = (why == 'systems') and 'rule ' .. (f.rule or '') or f.group_key or ''
  end
  if cause == '' or (f.problem or '') ~= '' then
    return
  end
  local id = 'PRB-' .. string.sub(redis.sha1hex(cause), 1, 8)
  Incident.set(inc, 'problem', id)
  inc.problem_new = { id = id, cause = cause, why = why }
  Timeline.add(inc, 'problem_candidate', nil, { problem = id, why = why })
end

-- Written with the incident: the record itself, made at the first candidate.
function Problems.store(inc)
  local p = inc.problem_new
  if not p then
    return
  end
  local key = B.base .. 'problems'
  local record = B.json(redis.call('HGET', key, p.id) or '') or {
    id = p.id, cause = p.cause, why = p.why, state = 'candidate', title = inc.f.title,
    created_at = B.now, incidents = {},
  }
  local list = record.incidents or {}
  list[#list + 1] = inc.id
  while #list > 100 do
    table.remove(list, 1)
  end
  record.incidents, record.updated_at = list, B.now
  redis.call('HSET', key, p.id, cjson.encode(record))
  inc.problem_new = nil
end

end)
