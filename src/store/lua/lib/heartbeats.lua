-- heartbeats: monitors that must be heard (lifecycle, section 5). Settings field `heartbeats`:
-- [{"name","every","impact","urgency","meta":{…}}]. Hash heartbeats: name -> time of the last beat.
-- `deadlines` holds heartbeat/NAME. Here they are armed; beats.lua takes beats and their absence.
local Heartbeats = B.lazy(function(Heartbeats)

function Heartbeats.find(name)
  for _, h in ipairs(Settings.table('heartbeats')) do
    if h.name == name then
      return h
    end
  end
  return nil
end

-- Loading arms only names without a due time; a name that was taken out is disarmed.
function Heartbeats.arm()
  local known = {}
  for _, h in ipairs(Settings.table('heartbeats')) do
    known[h.name] = true
    redis.call('ZADD', B.base .. 'deadlines', 'NX', B.int(B.now + (tonumber(h.every) or 0)),
      'heartbeat/' .. h.name)
    redis.call('HSETNX', B.base .. 'heartbeats', h.name, '0')
  end
  for _, name in ipairs(redis.call('HKEYS', B.base .. 'heartbeats')) do
    if not known[name] then
      redis.call('HDEL', B.base .. 'heartbeats', name)
      redis.call('ZREM', B.base .. 'deadlines', 'heartbeat/' .. name)
    end
  end
end

end)
