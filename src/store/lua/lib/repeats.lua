-- repeats: the common case of `observe`, one more receipt of an alert that fires already. Nearly all
-- of a storm is that, so it is done on the texts as Redis holds them, without tables for what was
-- observed, the alert or the incident; whatever else an item may be is handed to the ordinary way
-- (Intake), of which this is the short form. Sums wait beside its plan till that is written. Needs
-- nothing but base and observation: a call of repeats alone makes no other library.
--
-- What costs in Redis' Lua, measured: a pattern with captures (2.6 us for an alert's head, 1.0 us by
-- position), a number made text ("%d" 0.4 us, as argument of redis.call 1 us), an answer of eight
-- fields (3.3 us, of three 1.2 us), and each byte of each text (all of them are hashed).
local Repeats = {}

local argv, call, format = ARGV, redis.call, string.format
local sub, byte, find = string.sub, string.byte, string.find
local HEADER, FIELDS = Observation.HEADER, Observation.FIELDS

-- The head of a firing alert as Alerts.encode writes it, with times of 13 digits:
--   {"state":"firing","count":N                                  up to p - 1
--   ,"first_at":1767600000000,"last_at":1767600000000            p, p + 25; last_at at p + 36
--   ,"starts_at":1767600000000,"ends_at":0,"lease":              p + 49, p + 75, ends with p + 95
local repeats_begin = '{"state":"firing","count":'
local repeats_middle = ',"ends_at":0,"lease":'

-- By item: the number of its holder. By holder: its id, its fingerprint or list of them, what
-- `incident:ID` says, the holder that counts (itself, or where it was merged into), and what came.
local holder_of, ids, names, counts, lasts, cells, counting, added = {}, {}, {}, {}, {}, {}, {}, {}
local number_of = {} -- id -> its number
local texts = {}     -- fingerprint -> its alert as it is now
local leases = {}    -- till, ID/fingerprint, …
Repeats.updated = 0  -- how many there were
local naturals = { ['0'] = 0 }

-- A whole number in its plain form, or false.
local function natural(text)
  local n = naturals[text]
  if n == nil then
    n = #text <= 15 and find(text, '^[1-9]%d*$') and tonumber(text) or false
    naturals[text] = n
  end
  return n
end

-- "IMPACT/URGENCY[ RESOLVE_AFTER]" of an incident that is not closed, taken apart; else false.
local cell_parts = setmetatable({}, { __index = function(known, text)
  local impact, urgency, quiet = string.match(text, '^(%a+)/(%a+) ?(%d*)$')
  local cell = impact and { impact = impact, urgency = urgency,
    quiet = tonumber(quiet) or B.RESOLVE_AFTER } or false
  known[text] = cell
  return cell
end })

-- Asks for the incident of an id; its number.
local function ask(id)
  local g = #ids + 1
  local v = call('HMGET', B.base .. 'incident:' .. id, 'count', 'last_at', 'cell')
  ids[g], number_of[id] = id, g
  counts[g], lasts[g], added[g] = v[1], v[2] or '0', 0
  local cell = v[3] or ''
  counting[g] = g
  if byte(cell) == 62 then -- ">ID": merged
    local other = sub(cell, 2)
    local to = number_of[other] or ask(other)
    counting[g] = counting[to]
    cells[g] = cells[to]
  else
    cells[g] = cell_parts[cell]
  end
  return g
end

local function load(g, wanted)
  if not cells[g] then
    return
  elseif type(wanted) == 'string' then
    texts[wanted] = call('HGET', B.base .. 'alerts:' .. ids[g], wanted)
  else
    local values = call('HMGET', B.base .. 'alerts:' .. ids[g], unpack(wanted))
    for j = 1, #wanted do
      texts[wanted[j]] = values[j]
    end
  end
end

-- Loads the holders of the n items and the alerts in question.
function Repeats.load(n)
  local fingerprints = {}
  for i = 1, n do
    fingerprints[i] = argv[HEADER + 1 + (i - 1) * FIELDS]
  end
  local found = n > 0 and call('HMGET', B.base .. 'firing', unpack(fingerprints)) or {}
  for i = 1, n do
    local id = found[i]
    if not id then
      holder_of[i] = false
    else
      local g, name = number_of[id] or ask(id), fingerprints[i]
      local list = names[g]
      holder_of[i] = g
      if not list then
        names[g] = name
      elseif type(list) == 'table' then
        list[#list + 1] = name
      else
        names[g] = { list, name }
      end
    end
  end
  for g, wanted in pairs(names) do
    load(g, wanted)
  end
end

-- The incident whose alerts hold the alert of item `index`, or false.
function Repeats.holder(index)
  return ids[holder_of[index]] or false
end

-- Item `index` leaves the common case: its fingerprint, its holder's id (or false) and the alert's
-- text if that was loaded, and whether that was changed here and is to be written.
function Repeats.leave(index)
  local fingerprint, g = argv[HEADER + 1 + (index - 1) * FIELDS], holder_of[index]
  local text = texts[fingerprint]
  texts[fingerprint] = false
  return fingerprint, ids[g] or false, text, g and added[counting[g]] > 0
end

-- Does item ask for more than its incident was computed to be? The plan may have raised that by now.
local function above(plan, g, impact, urgency)
  local cell, inc = cells[g], plan and plan.by_id[ids[counting[g]]]
  if inc then
    local f = inc.f
    return Observation.above(impact, urgency, f.auto_impact or f.impact, f.auto_urgency or f.urgency)
  end
  return (cell.impact ~= impact or cell.urgency ~= urgency)
    and Observation.above(impact, urgency, cell.impact, cell.urgency)
end

local sender_heads = setmetatable({}, { __index = function(known, name)
  known[name] = ',"senders":{"' .. name .. '":'
  return known[name]
end })

-- What stands between the lease and the labels: "", or the one sender that says so again; and whether
-- there are labels (not beyond alerts_per_incident). nil: something else, which is not simple.
local function between(text, at, name, by_pairs, lease)
  local follows = byte(text, at)
  if byte(text, at + 2) ~= 115 then -- not ,"s…
    if by_pairs then
      return nil
    end
    return (follows == 44 or follows == 125) and '' or nil, follows == 44
  end
  local only = sender_heads[name]
  local from = at + #only
  local to = by_pairs and sub(text, at, from - 1) == only and find(text, '}', from, true)
  -- behind the only sender stands a time, or 0 and nothing more
  if not to or to ~= from + (byte(text, from) == 48 and 1 or 13) then
    return nil
  end
  return only .. lease .. '}', byte(text, to + 1) == 44
end

-- Item `index`; false when it is something else. plan: the context of the ordinary way, if there is.
function Repeats.item(plan, index)
  local at = HEADER + (index - 1) * FIELDS
  local fingerprint, raw = argv[at + 1], argv[at + 20]
  local text, g = texts[fingerprint], holder_of[index]
  local last, n, lease = argv[at + 6], natural(argv[at + 7]), argv[at + 10]
  if not text or argv[at + 3] ~= 'firing' or argv[at + 18] ~= '' or raw == '' or #last ~= 13
    or not n or n == 0 or sub(text, 1, 26) ~= repeats_begin
    or above(plan, g, argv[at + 14], argv[at + 15]) then
    return false
  end
  local p, last_at, to = find(text, ',', 27, true), natural(last), counting[g]
  local before = tonumber(sub(text, p + 36, p + 48))
  if argv[at + 4] == 'log' and last_at then
    lease = B.int(last_at + cells[g].quiet)
  end
  local till = natural(lease)
  if not last_at or not before or last_at < before or not till or byte(text, p + 49) ~= 44
    or sub(text, p + 75, p + 95) ~= repeats_middle then
    return false
  end
  local held = byte(text, p + 96) == 48 and '0' or sub(text, p + 96, p + 108)
  local held_till = held == lease and till or tonumber(held)
  local said, listed = between(text, p + 96 + #held, argv[at + 11], argv[at + 12] == '1', lease)
  local began, starts = argv[at + 8], sub(text, p + 49, p + 95)
  if not held_till or not said then
    return false
  end
  if began ~= sub(starts, 14, 26) and began ~= '0' and began ~= '' then
    if not natural(began) then
      return false
    end
    starts = ',"starts_at":' .. began .. repeats_middle
  end
  if till > 0 and (held_till == 0 or till < held_till) then
    leases[#leases + 1] = lease
    leases[#leases + 1] = ids[g] .. '/' .. fingerprint
  end
  local count = format('%d', sub(text, 27, p - 1) + n)
  texts[fingerprint] = repeats_begin .. count .. sub(text, p, p + 35) .. last .. starts .. lease
    .. said .. (listed and ',' or '') .. (listed and raw or '') .. '}'
  added[to], added[g] = added[to] + n, added[g] + (g ~= to and n or 0)
  if last ~= lasts[to] and last_at > tonumber(lasts[to]) then
    lasts[to] = last
  end
  Repeats.updated = Repeats.updated + 1
  return true
end

local function store_alerts(g)
  local wanted, key = names[g], B.base .. 'alerts:' .. ids[g]
  if type(wanted) == 'string' then
    if texts[wanted] then
      call('HSET', key, wanted, texts[wanted])
    end
    return
  end
  local list, k = {}, 0
  for j = 1, #wanted do
    local text = texts[wanted[j]]
    if text then
      list[k + 1], list[k + 2], k = wanted[j], text, k + 2
    end
  end
  B.call_many('HSET', key, list)
end

-- Writes them, before the plan: what that says of a lease came later. add(inc, n, last) takes the sums
-- of incidents that have a plan.
function Repeats.store(plan, add)
  for g = 1, #ids do
    if added[g] > 0 then
      local id = ids[g]
      local inc = plan and plan.by_id[id]
      if counting[g] == g and inc then
        add(inc, added[g], tonumber(lasts[g]))
      elseif counting[g] == g then -- else counted where it was merged into
        call('HSET', B.base .. 'incident:' .. id, 'count', B.int(counts[g] + added[g]), 'last_at',
          lasts[g])
      end
      if names[g] then
        store_alerts(g)
      end
    end
  end
  B.call_many('ZADD', B.base .. 'leases', leases)
end
