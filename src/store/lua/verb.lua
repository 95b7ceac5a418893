#!lua
-- verb: what people do, through a stream of its own, exactly once. docs/REDIS.md.
-- KEYS 1: any key of the team. ARGV: now, stream, seq, prev, offset, again (1: it was once
-- acknowledged and is sent again), n_items, then JSON objects {verb,id,uid,actor,role,request_id,
-- if_version,at,…}. Reply: OK, seq, one JSON answer each | SKIP n | GAP n.
--@include lib/base.lua
--@include lib/rights.lua
--@include lib/settings.lua
--@include lib/alerts.lua
--@include lib/incident.lua
--@include lib/timeline.lua
--@include lib/teamevent.lua
--@include lib/clocks.lua
--@include lib/groups.lua
--@include lib/queue.lua
--@include lib/systems.lua
--@include lib/problems.lua
--@include lib/priority.lua
--@include lib/suppression.lua
--@include lib/states.lua
--@include lib/threshold.lua
--@include lib/observation.lua
--@include lib/heartbeats.lua
--@include lib/receipt.lua
--@include lib/joining.lua
--@include lib/beats.lua
--@include lib/recall.lua
--@include lib/write.lua
--@include lib/requests.lua
--@include lib/records.lua
--@include lib/verbs.lua

local EXPIRES = 30000 -- a verb that was answered 504 is not done an hour later

local STATUS = { bad_request = 400, forbidden = 403, not_found = 404, expired = 504,
  internal = 500 }

local function items()
  local n = B.argument(7, 'n_items')
  if n > 256 or #ARGV ~= 7 + n then
    B.refuse('BADRECORD', 'the number of items does not fit')
  end
  local list = {}
  for i = 1, n do
    local item = B.json(ARGV[7 + i])
    if not item or type(item.verb) ~= 'string' then
      B.refuse('BADRECORD', 'item ' .. i .. ' is not a JSON object with a verb')
    end
    list[i] = item
  end
  return list
end

local function incident_of(id)
  local list = redis.call('HGETALL', B.base .. 'incident:' .. id)
  local fields = {}
  for i = 1, #list, 2 do
    fields[list[i]] = list[i + 1]
  end
  return next(fields) and fields or nil
end

local function refusal(err, item)
  if type(err) == 'table' and err.verb then
    local e = { code = err.verb, message = err.message }
    for name, value in pairs(err.more or {}) do
      e[name] = value
    end
    return { status = STATUS[err.verb] or 409, error = e, id = item.id }
  end
  local message = type(err) == 'table' and (err.err or err.refused) or err
  return { status = 500, error = { code = 'internal', message = tostring(message) }, id = item.id }
end

local function perform(item, seed, again, offset)
  local at = tonumber(item.at)
  if at and not again and B.now - (at + offset) > EXPIRES then
    return { status = 504, error = { code = 'expired', message = 'it came too late' } }
  end
  local ctx = Incident.context()
  ctx.seed = seed
  local answer
  local ok, err = pcall(function()
    local changed, inc = Verbs.plan(ctx, item)
    answer = { status = 200, changed = changed, id = inc and inc.id or item.id }
    Write.all(ctx)
    answer.version = inc and tonumber(inc.f.version) or nil
    if ctx.record then
      answer.record = ctx.record
    end
  end)
  if not ok and Rights.lack(err) then
    error(err, 0)
  elseif not ok then
    answer = refusal(err, item)
    if again then
      TeamEvent.add('verb_refused', tostring(item.actor), { verb = item.verb, id = item.id,
        code = answer.error.code })
    end
  end
  return answer
end

return B.guard(function()
  local stream, seq, prev = B.stream_argument(2), B.argument(3, 'seq'), B.argument(4, 'prev')
  local offset = tonumber(ARGV[5]) or B.refuse('BADARG', 'offset is not a number')
  local refused = B.sequence(stream, seq, prev, ARGV[6] == '1')
  if refused then
    return refused
  end
  B.clock(B.argument(1, 'now'))
  local reply = { 'OK', seq }
  for i, item in ipairs(items()) do
    local id = type(item.request_id) == 'string' and string.sub(item.request_id, 1, 256) or ''
    local answer = Requests.find(id)
    if answer then
      answer.repeated = true
    else
      answer = perform(item, stream .. ':' .. B.int(seq) .. ':' .. i, ARGV[6] == '1', offset)
      if answer.status ~= STATUS.expired then -- nothing was done: the same request may come again
        Requests.store(id, answer)
      end
    end
    if type(answer.id) == 'string' then
      answer.incident = incident_of(answer.id)
    end
    reply[#reply + 1] = cjson.encode(answer)
  end
  B.applied(stream, seq)
  B.keep_clock()
  return reply
end)
