-- requests: what was answered to a request_id, so that a repeat gets the first answer and changes
-- nothing. Hash requests: id -> answer; list requests:order: "TIME ID", the oldest first.
local Requests = {}

Requests.KEEP = 600000 -- at least the spool's `retain`

function Requests.find(id)
  local text = id ~= '' and redis.call('HGET', B.base .. 'requests', id)
  return text and B.json(text) or nil
end

function Requests.store(id, answer)
  if id ~= '' then
    redis.call('HSET', B.base .. 'requests', id, cjson.encode(answer))
    redis.call('RPUSH', B.base .. 'requests:order', B.int(B.now) .. ' ' .. id)
  end
end

-- Forgets what is old, a bounded number a call.
function Requests.prune()
  local key = B.base .. 'requests:order'
  for _ = 1, 200 do
    local first = redis.call('LINDEX', key, 0)
    local at, id = string.match(first or '', '^(%d+) (.*)$')
    if not first or (at and B.now - tonumber(at) < Requests.KEEP) then
      return
    end
    redis.call('LPOP', key)
    if id then
      redis.call('HDEL', B.base .. 'requests', id)
    end
  end
end
