-- observation: one item of `observe`, in the order of OBSERVE_FIELDS (include/triaged/alert/
-- observation.h), read and checked. A malformed item refuses the record: planning writes nothing, so
-- it may be found while earlier items are already planned.
local Observation = {}

Observation.FIELDS = 20
Observation.HEADER = 7

local observation_states = { firing = true, resolved = true, elsewhere = true, beat = true }
local observation_levels = { high = 3, medium = 2, low = 1 }
local observation_kinds = { alert = true, log = true }

local function bad(index, text)
  B.refuse('BADRECORD', 'item ' .. index .. ': ' .. text)
end

local function number(index, text, name)
  local n = B.natural(text)
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
    fingerprint = ARGV[at + 1], key = ARGV[at + 2], state = ARGV[at + 3], kind = ARGV[at + 4],
    first = B.natural(ARGV[at + 5]), last = B.natural(ARGV[at + 6]),
    count = B.natural(ARGV[at + 7]), starts = B.natural(ARGV[at + 8]),
    ends = B.natural(ARGV[at + 9]), lease = B.natural(ARGV[at + 10]), sender = ARGV[at + 11],
    pairs_too = ARGV[at + 12] == '1', system = ARGV[at + 13], impact = ARGV[at + 14],
    urgency = ARGV[at + 15], rule = ARGV[at + 16], threshold = ARGV[at + 17] ~= '',
    suppress = ARGV[at + 18], meta = ARGV[at + 19], raw = ARGV[at + 20],
  }
  if not (o.first and o.last and o.count and o.starts and o.ends and o.lease) then
    for i, name in ipairs({ 'first_ms', 'last_ms', 'count', 'starts_ms', 'ends_ms', 'lease_ms' }) do
      number(index, ARGV[at + 4 + i], name)
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
    local count, within, key = string.match(ARGV[at + 17], '^(%d+) (%d+) (.+)$')
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
  if n > 4096 or #ARGV ~= Observation.HEADER + n * Observation.FIELDS then
    B.refuse('BADRECORD', 'the number of fields does not fit')
  end
  return n
end

-- The verdict's texts, decoded when an incident is opened.
function Observation.meta(o)
  local meta = B.json(o.meta)
  if not meta then
    bad(o.index, 'meta is not a JSON object')
  end
  return meta
end
