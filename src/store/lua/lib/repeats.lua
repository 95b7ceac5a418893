-- repeats: the common case of `observe`, one more receipt of an alert that fires already. Nearly all
-- of a storm is that, so it is done on the texts as Redis holds them, without tables for what was
-- observed, the alert or the incident; whatever else an item may be is handed to the ordinary way
-- (Intake), of which this is the short form. Sums wait beside its plan till that is written. Needs
-- nothing but base and observation: a call of repeats alone makes no other library.
--
-- What costs in Redis' Lua, measured: a step of the machine 45 instructions, each byte of each new
-- text 11 (all of them are hashed), a call with an answer of its own 800, a number made text 1,500, an
-- argument of the script 1,200, and a text taken apart by a pattern 10,000 and more. So an alert's
-- text is cut in four at places that are known, and what follows from a piece is remembered by it.
local Repeats = {}

local call, format = redis.call, string.format
local sub, byte, find, match = string.sub, string.byte, string.find, string.match
local argv, HEADER = ARGV, Observation.HEADER

-- A firing alert as Alerts.encode writes it, with times of 13 digits:
--   {"state":"firing","count":N                                  head: up to p - 1
--   ,"first_at":1767600000000,"last_at":1767600000000            p, p + 25; last_at at p + 36
--   ,"starts_at":1767600000000,"ends_at":0,"lease":1767600000000 p + 49, p + 75, lease at p + 96
--   [,"senders":{"prom-a":1767600000000}],"labels":              word: p + 49 up to this
local repeats_middle = ',"ends_at":0,"lease":'
local LISTED = ',"labels":'

-- By item: its holder's id, or false. By holder: its id, its fingerprints, what `incident:ID` says,
-- the holder that counts (itself, or where it was merged into), and what came.
local holders, ids, names, counts, lasts, cells, counting, added = {}, {}, {}, {}, {}, {}, {}, {}
local number_of = {} -- id -> the number of the holder
local texts = {}     -- fingerprint -> its alert as it is now
local leases = {}    -- till, ID/fingerprint, …
Repeats.updated = 0  -- how many there were
Repeats.ignored = 0  -- how many told that something is over that is so already
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
  local key = B.base .. 'alerts:' .. ids[g]
  if not cells[g] then
    return
  elseif not wanted[2] then
    texts[wanted[1]] = call('HGET', key, wanted[1])
  else
    local values = call('HMGET', key, unpack(wanted))
    for j = 1, #wanted do
      texts[wanted[j]] = values[j]
    end
  end
end

-- Loads the holders of the n items and the alerts in question.
function Repeats.load(n)
  holders = n > 0 and call('HMGET', B.base .. 'firing', unpack(argv, HEADER + 1, HEADER + n)) or {}
  local before, wanted, k
  for i = 1, n do
    local id = holders[i]
    if id then
      if id ~= before then
        local g = number_of[id] or ask(id)
        wanted, before = names[g] or {}, id
        names[g], k = wanted, #wanted
      end
      k = k + 1
      wanted[k] = argv[HEADER + i]
    end
  end
  for g, of in pairs(names) do
    load(g, of)
  end
end

-- The incident whose alerts hold the alert of item `index`, or false.
function Repeats.holder(index)
  return holders[index]
end

-- What the run `run` of items says.
local run, last, last_at, n
local word_starts, word_lease, word_sender, word_pairs, word_till
-- What becomes of an alert's head, and of its word; whether the entry in `leases` is to be earlier.
local heads, words, earlier = {}, {}, {}
local length = 0 -- of the last word

-- Item `index` leaves the common case: its fingerprint, its holder's id (or false) and the alert's
-- text if that was loaded, and whether that was changed here and is to be written.
function Repeats.leave(index)
  local fingerprint, id = argv[HEADER + index], holders[index]
  local text = texts[fingerprint]
  texts[fingerprint] = false
  return fingerprint, id, text, id and added[counting[number_of[id]]] > 0
end

-- Do the items of this run ask for more than their incident was computed to be? The plan may have
-- raised that by now.
local function above(plan, g)
  local cell, inc = cells[g], plan and plan.by_id[ids[counting[g]]]
  if inc then
    local f = inc.f
    return Observation.above(run[14], run[15], f.auto_impact or f.impact, f.auto_urgency or f.urgency)
  end
  return (cell.impact ~= run[14] or cell.urgency ~= run[15])
    and Observation.above(run[14], run[15], cell.impact, cell.urgency)
end

-- Whether the items of another run may be repeats.
local function turn(to)
  local count = natural(to[7])
  if count ~= n then
    n, heads = count, {}
  end
  run, last, last_at = to, to[6], natural(to[6])
  return to[3] == 'firing' and to[18] == '' and #last == 13 and last_at and n and n > 0
end

-- The incident of holder g: whether it is the common case, and until when this word holds there.
local function meet(plan, g)
  if above(plan, g) then
    return false
  end
  local starts, lease, sender, pairs_too = run[8], run[10], run[11], run[12]
  if run[4] == 'log' then
    lease = B.int(last_at + cells[g].quiet)
  end
  if starts ~= word_starts or lease ~= word_lease or sender ~= word_sender
    or pairs_too ~= word_pairs then
    word_starts, word_lease, word_sender, word_pairs = starts, lease, sender, pairs_too
    word_till, words, earlier = natural(lease), {}, {}
  end
  return true
end

-- {"state":"firing","count":N with the receipts that come in addition, or false.
local function more(head)
  local before = match(head, '^{"state":"firing","count":(%d+)$')
  heads[head] = before and '{"state":"firing","count":' .. format('%d', before + n)
  return heads[head]
end

-- What stands between the lease and the labels: "", or the one sender that says so again; and where
-- that ends. nil: something else, which is not simple.
local function between(text, at)
  if byte(text, at + 2) ~= 115 then -- not ,"s…
    return word_pairs ~= '1' and '' or nil, at
  end
  local only = ',"senders":{"' .. word_sender .. '":'
  local from = at + #only
  local to = word_pairs == '1' and sub(text, at, from - 1) == only and find(text, '}', from, true)
  -- behind the only sender stands a time, or 0 and nothing more
  if not to or to ~= from + (byte(text, from) == 48 and 1 or 13) then
    return nil
  end
  return only .. word_lease .. '}', to + 1
end

-- What becomes of the word of a text (nil: not simple), whether the lease is then earlier, and whether
-- there are labels: an alert beyond alerts_per_incident has none.
local function learn(text, p)
  if not word_till or byte(text, p + 49) ~= 44 or sub(text, p + 75, p + 95) ~= repeats_middle then
    return nil
  end
  local held = byte(text, p + 96) == 48 and '0' or sub(text, p + 96, p + 108)
  local held_till = natural(held)
  local senders, to = between(text, p + 96 + #held)
  local starts = sub(text, p + 49, p + 95)
  if not held_till or not senders then
    return nil
  end
  if word_starts ~= sub(starts, 14, 26) and word_starts ~= '0' and word_starts ~= '' then
    if not natural(word_starts) then
      return nil
    end
    starts = ',"starts_at":' .. word_starts .. repeats_middle
  end
  local early = word_till > 0 and (held_till == 0 or word_till < held_till)
  local becomes = starts .. word_lease .. senders
  if sub(text, to, to + #LISTED - 1) ~= LISTED then
    return sub(text, to) == '}' and becomes or nil, early, false
  end
  length = to + #LISTED - (p + 49)
  local word = sub(text, p + 49, p + 48 + length)
  words[word], earlier[word] = becomes .. ',', early
  return becomes .. ',', early, true
end

-- Item `index` was received `times` of this run by way of holder g: counted where that was merged into.
local function received(g, times)
  local to, sum = counting[g], times * n
  Repeats.updated = Repeats.updated + times
  added[to] = added[to] + sum
  if g ~= to then
    added[g] = added[g] + sum
  end
  if last ~= lasts[to] and last_at > tonumber(lasts[to]) then
    lasts[to] = last
  end
end

-- Items from `from` to `to`, of the run; the index of the first that is no repeat.
local function repeats(plan, from, to)
  local find, sub, texts, argv, holders, alerts = find, sub, texts, argv, holders, Observation.ALERTS
  local g, id, times, index = nil, nil, 0, from
  while index <= to do
    local fingerprint, alert = argv[HEADER + index], argv[alerts + index]
    local text = texts[fingerprint]
    local p = text and find(text, ',', 27, true)
    if not p or alert == '' then
      break
    end
    if holders[index] ~= id then
      if times > 0 then
        received(g, times)
      end
      id = holders[index]
      g, times = number_of[id], 0
      if not meet(plan, g) then
        break
      end
    end
    local head, word = sub(text, 1, p - 1), sub(text, p + 49, p + 48 + length)
    local before, count = sub(text, p + 36, p + 48), heads[head] or more(head)
    local becomes, early, listed = words[word], earlier[word], true
    if not becomes then
      becomes, early, listed = learn(text, p)
    end
    if not becomes or not count or last_at < (natural(before) or last_at + 1) then
      break
    end
    if early then
      leases[#leases + 1] = word_lease
      leases[#leases + 1] = id .. '/' .. fingerprint
    end
    texts[fingerprint] = count .. sub(text, p, p + 35) .. last .. becomes .. (listed and alert or '')
      .. '}'
    times, index = times + 1, index + 1
  end
  if times > 0 then
    received(g, times)
  end
  return index
end

-- Items from `from` to `to` of a run that says that something is over: the index of the first of which
-- that is news.
local function over(plan, from, to)
  local index = from
  while index <= to and not holders[index]
    and not (plan and plan.firing[argv[HEADER + index]]) do
    index = index + 1
  end
  Repeats.ignored = Repeats.ignored + index - from
  return index
end

-- Deals with the items from `from` to `to` up to the first that is something else; its index. plan: the
-- context of the ordinary way, if there is.
function Repeats.items(plan, from, to)
  local index = from
  while index <= to do
    local of = Observation.run(index)
    local upto = math.min(of.last, to)
    if turn(of) then
      index = repeats(plan, index, upto)
    elseif of[3] == 'resolved' or of[3] == 'elsewhere' then
      index = over(plan, index, upto)
    end
    if index <= upto then
      break
    end
  end
  return index
end

local list = {}

local function store_alerts(g)
  local wanted, key, k = names[g], B.base .. 'alerts:' .. ids[g], 0
  for j = 1, #wanted do
    local text = texts[wanted[j]]
    if text then
      list[k + 1], list[k + 2], k = wanted[j], text, k + 2
    end
  end
  B.call_many('HSET', key, list, k)
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
