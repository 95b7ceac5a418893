#!lua flags=no-writes
-- audit: looks at a stretch of the board and names the incidents without a valid next deadline, for
-- the daemon's own beat to somewhere else. Writes nothing.
-- KEYS 1: any key of the team. ARGV: now, rank of the first, how many, late (ms after which what was
-- due and still stands counts as not worked off).
-- Reply: how many were looked at, how many are at fault, then "ID SENTENCE" of the first of them.
--@include lib/base.lua
--@include lib/settings.lua
--@include lib/alerts.lua
--@include lib/incident.lua
--@include lib/clocks.lua

local NAMED_MAX = 5

-- Why the clocks of an incident will not go off, or nil.
local function fault(id, late)
  local read = redis.call('HMGET', B.base .. 'incident:' .. id, 'state', 'priority', 'clocks')
  local state = read[1]
  if not state then
    return 'has no record'
  end
  local clocks = Clocks.read({ id = id, full = true, f = { clocks = read[3] or '' } })
  if state == 'open' and not clocks.acknowledge and Settings.sla(read[2]).acknowledge then
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

return B.guard(function()
  B.clock(B.argument(1, 'now'))
  local first, count, late = B.argument(2, 'first'), B.argument(3, 'count'), B.argument(4, 'late')
  local ids = redis.call('ZRANGE', B.base .. 'board', B.int(first), B.int(first + count - 1))
  local reply, faults = { #ids, 0 }, 0
  for i = 1, #ids do
    local text = fault(ids[i], late)
    if text then
      faults = faults + 1
      if faults <= NAMED_MAX then
        reply[#reply + 1] = ids[i] .. ' ' .. text
      end
    end
  end
  reply[2] = faults
  return reply
end)
