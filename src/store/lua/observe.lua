#!lua
-- observe: applies one record of observations, exactly once (DESIGN 3.1, 3.10). docs/REDIS.md.
-- KEYS 1: any key of the team. ARGV: now, stream, seq, prev, offset, again (1: it was once
-- acknowledged and is sent again), n_items, items in runs (lib/observation.lua).
-- Reply: OK seq opened reopened raised resolved updated held queued ignored id (the last
-- incident number that it gave, 0 = none) | SKIP n |
-- GAP n unknown (1: this stream is not known here).
--@include lib/base.lua
--@include lib/observation.lua
--@include lib/repeats.lua

-- The ordinary way, made when the first item needs it: a call makes all its functions anew, and
-- making these takes longer than a few repeats.
local function ordinary()
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
--@include lib/suppression.lua
--@include lib/states.lua
--@include lib/threshold.lua
--@include lib/heartbeats.lua
--@include lib/receipt.lua
--@include lib/ending.lua
--@include lib/joining.lua
--@include lib/beats.lua
--@include lib/intake.lua
--@include lib/items.lua
--@include lib/write.lua
  return Incident.context(), Items, Receipt.add, Write.all
end

return B.guard(function()
  local stream, seq, prev = B.stream_argument(2), B.argument(3, 'seq'), B.argument(4, 'prev')
  local offset = tonumber(ARGV[5]) or B.refuse('BADARG', 'offset is not a number')
  local refused = B.sequence(stream, seq, prev, ARGV[6] == '1')
  if refused then
    return refused
  end
  B.clock(B.argument(1, 'now'))
  local count = Observation.count()
  local ctx, items, add, write
  Repeats.load(count)
  local i = offset == 0 and Repeats.items(nil, 1, count) or 1
  while i <= count do
    if not ctx then
      ctx, items, add, write = ordinary()
      ctx.seed = stream .. ':' .. B.int(seq) .. ':'
      items.prefetch(ctx, i, count)
    end
    items.item(ctx, i, offset)
    i = i + 1
    if offset == 0 then
      i = Repeats.items(ctx, i, count)
    end
  end
  Repeats.store(ctx, add)
  if ctx then
    write(ctx)
  end
  B.applied(stream, seq)
  B.keep_clock()
  local n = ctx and ctx.n or {}
  return { 'OK', seq, n.opened or 0, n.reopened or 0, n.raised or 0, n.resolved or 0,
    (n.updated or 0) + Repeats.updated, n.held or 0, n.queued or 0,
    (n.ignored or 0) + Repeats.ignored, ctx and ctx.id_next or 0 }
end)
