#!lua flags=no-writes
-- audit: looks at a stretch of the board: counts the incidents, and names those without a valid next
-- deadline. Writes nothing.
-- KEYS 1: any key of the team. ARGV: now, rank of the first, how many, late (ms after which what was
-- due and still stands counts as not worked off).
-- Reply: how many were looked at, how many are at fault, a list "ID SENTENCE" of the first of them, a
-- list "STATE PRIORITY CATEGORY", n, …
--@include lib/base.lua
--@include lib/settings.lua
--@include lib/alerts.lua
--@include lib/incident.lua
--@include lib/clocks.lua

local NAMED_MAX = 5

-- Why the clocks of an incident will not go off, or nil.
local function fault(id, state, priority, text, late)
  local clocks = Clocks.read({ id = id, full = true, f = { clocks = text } })
  if state == 'open' and not clocks.acknowledge and Settings.sla(priority).acknowledge then
    return 'has no acknowledge clock'
  end
  for kind, score in pairs(Clocks.entries(clocks)) do
    local entry = tonumber(redis.call('ZSCORE', B.base .. 'deadlines', id .. '/' .. kind) or nil)
    if not entry then
      return 'has no deadline of its ' .. kind .. ' clock'
    elseif entry ~= score then
      return 'has a wrong deadline of its ' .. kind .. ' clock'
    elseif score < B.now - late and not Clocks.KINDS[kind].horizon then
      return 'has a ' .. kind .. ' clock that was due and is not worked off'
    end
  end
  return nil
end

local function look(id, late, counts)
  local read = redis.call('HMGET', B.base .. 'incident:' .. id, 'state', 'priority', 'category',
    'clocks')
  local state, priority = read[1], read[2]
  if not state then
    return 'has no record'
  end
  local kind = state .. ' ' .. (priority or '') .. ' ' .. (read[3] or '')
  counts[kind] = (counts[kind] or 0) + 1
  return fault(id, state, priority, read[4] or '', late)
end

return B.guard(function()
  B.clock(B.argument(1, 'now'))
  local first, count, late = B.argument(2, 'first'), B.argument(3, 'count'), B.argument(4, 'late')
  local ids = redis.call('ZRANGE', B.base .. 'board', B.int(first), B.int(first + count - 1))
  local faults, named, counts, flat = 0, {}, {}, {}
  for i = 1, #ids do
    local text = look(ids[i], late, counts)
    if text then
      faults = faults + 1
      if faults <= NAMED_MAX then
        named[faults] = ids[i] .. ' ' .. text
      end
    end
  end
  for kind, n in pairs(counts) do
    flat[#flat + 1] = kind
    flat[#flat + 1] = n
  end
  return { #ids, faults, named, flat }
end)
