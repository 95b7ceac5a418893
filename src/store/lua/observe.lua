#!lua
-- observe: applies one record of observations, exactly once (DESIGN 3.1, 3.10). docs/REDIS.md.
-- KEYS 1: any key of the team. ARGV: now, stream, seq, prev, offset, again (1: it was once
-- acknowledged and is sent again), n_items, items.
-- Reply: OK seq opened reopened raised resolved updated held queued ignored id (the last
-- incident number that it gave, 0 = none) | SKIP n |
-- GAP n unknown (1: this stream is not known here).
--@include lib/base.lua
--@include lib/settings.lua
--@include lib/alerts.lua
--@include lib/incident.lua
--@include lib/timeline.lua
--@include lib/clocks.lua
--@include lib/groups.lua
--@include lib/queue.lua
--@include lib/systems.lua
--@include lib/problems.lua
--@include lib/priority.lua
--@include lib/states.lua
--@include lib/suppression.lua
--@include lib/threshold.lua
--@include lib/observation.lua
--@include lib/heartbeats.lua
--@include lib/receipt.lua
--@include lib/ending.lua
--@include lib/joining.lua
--@include lib/beats.lua
--@include lib/intake.lua
--@include lib/write.lua

return B.guard(function()
  local stream, seq, prev = B.stream_argument(2), B.argument(3, 'seq'), B.argument(4, 'prev')
  local offset = tonumber(ARGV[5]) or B.refuse('BADARG', 'offset is not a number')
  local refused = B.sequence(stream, seq, prev, ARGV[6] == '1')
  if refused then
    return refused
  end
  B.clock(B.argument(1, 'now'))
  local count = Observation.count()
  local ctx = Incident.context()
  ctx.seed = stream .. ':' .. B.int(seq) .. ':'
  Intake.prefetch(ctx, count)
  for i = 1, count do
    Intake.argument(ctx, i, offset)
  end
  Write.all(ctx)
  B.applied(stream, seq)
  B.keep_clock()
  local n = ctx.n
  return { 'OK', seq, n.opened, n.reopened, n.raised, n.resolved,
    n.updated + ctx.updated, n.held, n.queued, n.ignored, ctx.id_next or 0 }
end)
