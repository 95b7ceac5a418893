#!lua
-- tick: works off what is due in a team: leases, deadlines, claims, retention.
-- KEYS 1: any key of the team. ARGV: now, instance, oldest receipt not yet shipped (0 = none,
-- -1 = this daemon leaves), claim_after (0 = as settings say), budget.
-- Reply: done, more (0/1), next due time (0 = none), horizon, its time, new, 1 when this daemon was not
-- known here, then name, count, …
--@include lib/base.lua
--@include lib/rights.lua
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
--@include lib/observation.lua
--@include lib/heartbeats.lua
--@include lib/receipt.lua
--@include lib/ending.lua
--@include lib/joining.lua
--@include lib/beats.lua
--@include lib/intake.lua
--@include lib/write.lua
--@include lib/teamevent.lua
--@include lib/work.lua
--@include lib/horizon.lua
--@include lib/leases.lua
--@include lib/rebudget.lua
--@include lib/due.lua
--@include lib/claims.lua
--@include lib/retention.lua
--@include lib/requests.lua
--@include lib/streams.lua

return B.guard(function()
  local instance, leaving = ARGV[2] or '', ARGV[3] == '-1'
  local oldest = leaving and 0 or B.argument(3, 'oldest')
  local claim_after = B.argument(4, 'claim_after')
  Work.start(B.argument(5, 'budget'))
  B.clock(B.argument(1, 'now'))
  local horizon, new = Horizon.beat(instance, oldest, leaving)
  Leases.work(horizon)
  Rebudget.work()
  if Work.left() then
    Due.work(horizon)
  end
  Claims.work(claim_after > 0 and claim_after or Settings.number('claim_after'))
  Retention.work()
  Requests.prune()
  Streams.prune()
  B.keep_clock()
  local reply = { Work.done, Work.more and 1 or 0, Due.ahead(horizon), 'horizon', horizon,
    'new', new }
  for name, n in pairs(Work.n) do
    reply[#reply + 1] = name
    reply[#reply + 1] = n
  end
  return reply
end)
