-- observation: one item of `observe`, in the order of OBSERVE_FIELDS (include/triaged/alert/
-- observation.h), read and checked. A malformed item refuses the record: planning writes nothing, so
-- it may be found while earlier items are already planned.
local Observation = {}

Observation.FIELDS = 20
Observation.HEADER = 7

local argv, natural = ARGV, B.natural
local observation_states = { firing = true, resolved = true, elsewhere = true, beat = true }
local observation_levels = { high = 3, medium = 2, low = 1 }
local observation_kinds = { alert = true, log = true }

local function bad(index, text)
  B.refuse('BADRECORD', 'item ' .. index .. ': ' .. text)
end

local function number(index, text, name)
  local n = natural(text)
  if not n then
    bad(index, name .. ' is not a number')
  end
  return n
end

-- Item `index` (from 1) of the call. offset: added to times of receipt (a clock that is off).
function Observation.read(index, offset)
  local at = Observation.HEADER + (index - 1) * Observation.FIELDS
  local o = {
    index = index,
    fingerprint = argv[at + 1], key = argv[at + 2], state = argv[at + 3], kind = argv[at + 4],
    first = natural(argv[at + 5]), last = natural(argv[at + 6]),
    count = natural(argv[at + 7]), starts = natural(argv[at + 8]),
    ends = natural(argv[at + 9]), lease = natural(argv[at + 10]), sender = argv[at + 11],
    pairs_too = argv[at + 12] == '1', system = argv[at + 13], impact = argv[at + 14],
    urgency = argv[at + 15], rule = argv[at + 16], threshold = argv[at + 17] ~= '',
    suppress = argv[at + 18], meta = argv[at + 19], raw = argv[at + 20],
  }
  if not (o.first and o.last and o.count and o.starts and o.ends and o.lease) then
    for i, name in ipairs({ 'first_ms', 'last_ms', 'count', 'starts_ms', 'ends_ms', 'lease_ms' }) do
      number(index, argv[at + 4 + i], name)
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
    local count, within, key = string.match(argv[at + 17], '^(%d+) (%d+) (.+)$')
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

-- The number of items; refuses the record when it does not fit.
function Observation.count()
  local n = B.argument(7, 'n_items')
  if n > 4096 or #argv ~= Observation.HEADER + n * Observation.FIELDS then
    B.refuse('BADRECORD', 'the number of fields does not fit')
  end
  return n
end

-- The verdict's texts, decoded when an incident is opened. "=": those of the item before.
function Observation.meta(o)
  local text, index = o.meta, o.index
  while text == '=' and index > 1 do
    index = index - 1
    text = argv[Observation.HEADER + (index - 1) * Observation.FIELDS + 19]
  end
  local meta = B.json(text)
  if not meta then
    bad(o.index, 'meta is not a JSON object')
  end
  return meta
end
