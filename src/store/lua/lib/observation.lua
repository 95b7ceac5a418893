-- observation: the items of `observe`: their arguments taken apart, and an item read and checked. A
-- malformed item refuses the record: planning writes nothing, so it may be found while earlier items
-- are already planned.
--
-- Neighbours say nearly the same, and an argument costs as much as a command; so items come in runs
-- (triaged/alert/observe_args.h): the fingerprints of all items, the alerts of all, then the runs. What
-- a run shares is told once, and of that only what differs from the run before. A run is: LETTERS and
-- the number of its items ("bs7"; a letter for each field that differs, a = the first of
-- OBSERVE_FIELDS) · the value of each letter · the systems, each as LENGTH:TEXT.
local Observation = {}

local argv, natural = ARGV, B.natural
local HEADER = 7
local SYSTEM, SHARED = 13, 19 -- place of the systems, last place of what is shared
local ALL = 'bcdefghijklnopqrs'
local observation_states = { firing = true, resolved = true, elsewhere = true, beat = true }
local observation_levels = { high = 3, medium = 2, low = 1 }
local observation_kinds = { alert = true, log = true }

Observation.HEADER = HEADER
Observation.ALERTS = HEADER -- the alerts stand behind this argument; known once items are counted

-- What the items of a run share, by the place in OBSERVE_FIELDS; `first` and `last` are their indices.
local runs, current = {}, 1

local function bad(index, text)
  B.refuse('BADRECORD', 'item ' .. index .. ': ' .. text)
end

-- Takes the arguments apart; the number of items. Refuses the record when they do not fit.
function Observation.count()
  local n, i, run = B.argument(7, 'n_items'), 0, nil
  local byte, match, at = string.byte, string.match, HEADER + 2 * n + 1
  while i < n do
    local letters, items = match(argv[at] or '', '^([b-s]*)(%d+)$')
    items = tonumber(items)
    if not items or items < 1 or i + items > n or n > 4096 or (i == 0 and letters ~= ALL) then
      B.refuse('BADRECORD', 'a run of items is malformed')
    end
    run = run and { unpack(run, 1, SHARED) } or {}
    for k = 1, #letters do
      run[byte(letters, k) - 96] = argv[at + k]
    end
    at = at + #letters + 2
    run[SYSTEM], run.first, run.last = argv[at - 1], i + 1, i + items
    runs[#runs + 1], i = run, i + items
  end
  if #argv ~= at - 1 then
    B.refuse('BADRECORD', 'the number of fields does not fit')
  end
  Observation.ALERTS = HEADER + n
  return n
end

-- The run of item `index`, most often that of the last one asked for.
function Observation.run(index)
  while index > runs[current].last do
    current = current + 1
  end
  while index < runs[current].first do
    current = current - 1
  end
  return runs[current]
end

function Observation.fingerprint(index)
  return argv[HEADER + index]
end

-- The systems of a run's items, taken apart when the first is asked for: each by itself would be
-- looked for from the beginning, which for 256 new alerts of a run took 60 ms.
local function systems(run)
  local text, at, list = run[SYSTEM], 1, {}
  while at <= #text do
    local length, from = string.match(text, '^(%d+):()', at)
    if not length then
      break
    end
    at = from + length
    list[#list + 1] = at <= #text + 1 and string.sub(text, from, at - 1) or nil
  end
  run.systems = list
  return list
end

-- The system of item `index`.
local function system(index)
  local run = Observation.run(index)
  return (run.systems or systems(run))[index - run.first + 1] or bad(index, 'bad system')
end

-- Item `index` (from 1) of the call. offset: added to times of receipt (a clock that is off).
function Observation.read(index, offset)
  local run = Observation.run(index)
  local o = {
    index = index,
    fingerprint = argv[HEADER + index], key = run[2], state = run[3], kind = run[4],
    first = natural(run[5]), last = natural(run[6]), count = natural(run[7]),
    starts = natural(run[8]), ends = natural(run[9]), lease = natural(run[10]), sender = run[11],
    pairs_too = run[12] == '1', system = system(index), impact = run[14], urgency = run[15],
    rule = run[16], threshold = run[17] ~= '', suppress = run[18], meta = run[19],
    raw = argv[Observation.ALERTS + index],
  }
  if not (o.first and o.last and o.count and o.starts and o.ends and o.lease) then
    for i, name in ipairs({ 'first_ms', 'last_ms', 'count', 'starts_ms', 'ends_ms', 'lease_ms' }) do
      if not natural(run[4 + i]) then
        bad(index, name .. ' is not a number')
      end
    end
  end
  if not observation_states[o.state] then
    bad(index, 'unknown state')
  elseif o.fingerprint == '' or #o.fingerprint > 128 or string.find(o.fingerprint, '[/%c]') then
    bad(index, 'bad fingerprint')
  elseif o.state == 'beat' then
    return o
  elseif o.key == '' or #o.key > 4096 then
    bad(index, 'bad group_key')
  elseif not observation_kinds[o.kind] then
    bad(index, 'unknown kind')
  elseif not (observation_levels[o.impact] and observation_levels[o.urgency]) then
    bad(index, 'impact and urgency are high, medium or low')
  end
  if offset ~= 0 then
    o.first, o.last = o.first + offset, o.last + offset
    if o.lease > 0 then
      o.lease = math.max(o.lease, o.lease + offset)
    end
  end
  if o.first > o.last then
    o.first = o.last
  end
  if o.threshold then
    local count, within, key = string.match(run[17], '^(%d+) (%d+) (.+)$')
    o.threshold_count, o.threshold_within = tonumber(count), tonumber(within)
    o.threshold_key = key
    if not count or o.threshold_count < 1 or o.threshold_count > 1000 or #key > 4096 then
      bad(index, 'bad threshold')
    end
  end
  if o.suppress ~= '' and not B.json(o.suppress) then
    bad(index, 'suppress is not JSON')
  end
  return o
end

-- Could a cell be more urgent than the computed one? (A matrix is taken to rise with both.)
function Observation.above(impact, urgency, computed_impact, computed_urgency)
  return (observation_levels[impact] or 9) > (observation_levels[computed_impact] or 0)
    or (observation_levels[urgency] or 9) > (observation_levels[computed_urgency] or 0)
end

-- The verdict's texts, decoded when an incident is opened.
function Observation.meta(o)
  local meta = B.json(o.meta)
  if not meta then
    bad(o.index, 'meta is not a JSON object')
  end
  return meta
end
