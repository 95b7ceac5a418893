#!lua
-- settings: stores what the configuration says for a team. The latest load wins; an unchanged
-- configuration is no load; a daemon that differs is told so.
-- KEYS 1: any key of the team. ARGV: now, loaded_at, hash, force (0/1), then field, value, …
-- Reply: STORED | SAME | OLDER, stored hash, stored loaded_at.
--@include lib/base.lua
--@include lib/settings.lua
--@include lib/groups.lua
--@include lib/heartbeats.lua

-- field -> what it must be
local FIELDS = {
  matrix = 'json', blast_radius = 'json', sla = 'json', flap = 'json', problems = 'json',
  automation = 'json', heartbeats = 'json', retention = 'number', alerts_per_incident = 'number',
  claim_after = 'number', give_up = 'number', id = 'text', lead = 'text', manager = 'text',
}

local function check(name, value)
  local kind = FIELDS[name]
  if not kind then
    B.refuse('BADARG', 'unknown setting ' .. name)
  elseif kind == 'json' and not B.json(value) then
    B.refuse('BADARG', name .. ' is not JSON')
  elseif kind == 'number' and not B.natural(value) then
    B.refuse('BADARG', name .. ' is not a number')
  end
end

local TIMES_KEPT = 5

-- Other times than before: what runs by the old ones is to be given the new (lib/rebudget.lua).
local function note_times(before, after)
  local key, old = B.base .. 'settings', B.json(before or '')
  if not old or before == after then
    return
  end
  local todo = B.json(redis.call('HGET', key, 'rebudget') or '') or { old = {} }
  if #todo.old < TIMES_KEPT then
    todo.old[#todo.old + 1] = old
  end
  redis.call('HSET', key, 'rebudget', cjson.encode({ old = todo.old, at = '0', passed = 0 }))
end

return B.guard(function()
  local loaded_at, hash, force = B.argument(2, 'loaded_at'), ARGV[3] or '', ARGV[4] == '1'
  if hash == '' or #ARGV < 4 or #ARGV % 2 ~= 0 then
    B.refuse('BADARG', 'settings takes now, loaded_at, hash, force, then pairs')
  end
  for i = 5, #ARGV, 2 do
    check(ARGV[i], ARGV[i + 1])
  end
  B.clock(B.argument(1, 'now'))
  local key = B.base .. 'settings'
  local stored = redis.call('HMGET', key, 'hash', 'loaded_at')
  Groups.make()
  B.keep_clock()
  if stored[1] == hash and not force then
    Heartbeats.arm()
    return { 'SAME', stored[1], stored[2] or '0' }
  end
  if stored[1] and loaded_at < (tonumber(stored[2]) or 0) and not force then
    return { 'OLDER', stored[1], stored[2] }
  end
  for i = 5, #ARGV, 2 do
    if ARGV[i] == 'sla' then
      note_times(redis.call('HGET', key, 'sla'), ARGV[i + 1])
    end
  end
  for name in pairs(FIELDS) do
    redis.call('HDEL', key, name)
  end
  redis.call('HSET', key, 'hash', hash, 'loaded_at', B.int(loaded_at))
  for i = 5, #ARGV, 2 do
    redis.call('HSET', key, ARGV[i], ARGV[i + 1])
  end
  Heartbeats.arm()
  return { 'STORED', hash, B.int(loaded_at) }
end)
