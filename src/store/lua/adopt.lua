#!lua
-- adopt: Redis lost more than the spool kept: a stream goes on from `applied`. Makes the consumer
-- groups again and lifts the incident counter over what this daemon has seen.
-- KEYS 1: any key of the team. ARGV: now, stream, applied, highest_id. Reply: OK applied id.
--@include lib/base.lua
--@include lib/settings.lua
--@include lib/teamevent.lua
--@include lib/groups.lua

return B.guard(function()
  local stream, applied = B.stream_argument(2), B.argument(3, 'applied')
  local highest = B.argument(4, 'highest_id')
  B.clock(B.argument(1, 'now'))
  local before = tonumber(redis.call('HGET', B.base .. 'applied', stream) or 0) or 0
  local id = tonumber(redis.call('GET', B.base .. 'id') or 0) or 0
  if highest > id then
    id = highest
    redis.call('SET', B.base .. 'id', B.int(id))
  end
  Groups.make()
  applied = math.max(applied, before) -- never back: what was applied would be applied again
  B.applied(stream, applied)
  B.keep_clock()
  TeamEvent.add('store_rewound', nil, { stream = stream, from = B.int(before),
    to = B.int(applied) })
  return { 'OK', applied, id }
end)
