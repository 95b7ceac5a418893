-- base: the team's keys, numbers as text, the effective now, the sequence check.
-- Owns KEYS and the settings field last_now. Knows nothing of incidents.
local B = {}

-- Any key of the team names the team: "PREFIX:{TEAM}:" is the common part of all its keys.
B.base = string.match(KEYS[1] or '', '^(.-{[^}]+}:)')
B.team = string.match(KEYS[1] or '', '{([^}]+)}')
B.now = 0      -- effective now, set by B.clock
B.last_now = 0 -- what the team had seen before this call
B.sent = 0     -- now by the clock of the daemon that calls
B.RESOLVE_AFTER = 3600000 -- ms of quiet that end a log event, unless its rule says otherwise

-- A refusal for the call's own sake: entry files turn it into an error reply.
function B.refuse(code, text)
  error({ refused = 'ERR ' .. code .. ' ' .. text }, 0)
end

-- A verb that is not done: the answer to a person, not to the daemon.
function B.deny(code, message, more)
  error({ verb = code, message = message, more = more }, 0)
end

-- Runs fn; a refusal becomes an error reply, anything else goes on as it is.
function B.guard(fn)
  local ok, result = pcall(fn)
  if ok then
    return result
  end
  if type(result) == 'table' and result.refused then
    return redis.error_reply(result.refused)
  end
  error(result, 0)
end

-- A whole number >= 0 from text; "" counts as 0; nil for anything else.
function B.natural(text)
  if text == '' or text == '0' then
    return 0
  end
  local n = tonumber(text)
  if n and n >= 0 and n < 9007199254740992 and n % 1 == 0 then
    return n
  end
  return nil
end

-- An argument that must be a whole number >= 0.
function B.argument(i, name)
  local n = ARGV[i] and B.natural(ARGV[i])
  if not n then
    B.refuse('BADARG', name .. ' is not a number')
  end
  return n
end

-- A library that is made when it is first asked for. A script's functions are made anew by every
-- call, which is most of what a small call costs; so what the common case does not need is wrapped:
--   local X = B.lazy(function(X) … end)
function B.lazy(make)
  return setmetatable({}, { __index = function(library, name)
    setmetatable(library, nil)
    make(library)
    return library[name]
  end })
end

-- Numbers as text. "%d" is exact up to 2^63 and the quickest conversion of Lua 5.1: half of what
-- n .. "" takes, and a third of what redis.call takes for a number.
function B.int(n)
  return string.format('%d', n)
end

-- Effective now: never earlier than what the team has already seen.
function B.clock(now)
  B.last_now = tonumber(redis.call('HGET', B.base .. 'settings', 'last_now') or 0) or 0
  B.sent, B.now = now, math.max(now, B.last_now)
  return B.now
end

-- To be called among the writes.
function B.keep_clock()
  if B.now > B.last_now then
    redis.call('HSET', B.base .. 'settings', 'last_now', B.int(B.now))
  end
end

function B.stream_argument(i)
  local stream = ARGV[i] or ''
  if #stream ~= 32 or string.find(stream, '[^0-9a-f]') then
    B.refuse('BADARG', 'stream is not 32 hex digits')
  end
  return stream
end

-- The exactly-once rule. nil: apply; else the reply: SKIP, or GAP with what was applied and whether
-- the stream is unknown here. again: this record was acknowledged once, so an unknown stream means
-- that Redis has lost all of it; that is answered GAP too, so that it is noticed and adopted. What was
-- applied beyond prev came from a copy of the daemon; of this one nothing lies between prev and seq.
function B.sequence(stream, seq, prev, again)
  local known = redis.call('HGET', B.base .. 'applied', stream)
  local applied = tonumber(known or 0) or 0
  if applied >= seq then
    return { 'SKIP', applied }
  end
  if applied < prev or (again and not known) then
    return { 'GAP', applied, known and 0 or 1 }
  end
  return nil
end

function B.applied(stream, seq)
  redis.call('HSET', B.base .. 'applied', stream, B.int(seq))
end

-- JSON text to a table; nil when it is not a JSON object or list.
function B.json(text)
  local ok, value = pcall(cjson.decode, text)
  if ok and type(value) == 'table' then
    return value
  end
  return nil
end

-- A JSON string. cjson escapes "/" too, which is allowed and ugly: taken back.
function B.quote(text)
  return (string.gsub(cjson.encode(text), '\\/', '/'))
end

-- redis.call with a list (or the first n of it) that may be longer than unpack can take.
function B.call_many(command, key, list, n)
  n = n or #list
  for i = 1, n, 1000 do
    redis.call(command, key, unpack(list, i, math.min(i + 999, n)))
  end
end
