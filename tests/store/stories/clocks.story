# What happens when nobody does anything.

story unassigned-p1: a P1 that nobody takes goes to the manager, again and again
at 0: settings lead=noc-lead manager=duty
at 0: disk fires P1
at 4m: tick -> near=1
expect events NET-1 opened deadline_near
at 5m: tick -> unassigned=1
expect NET-1 open on manager:P1 overdue=acknowledge with_manager=1
expect told NET-1 lead=noc-lead manager=duty
at 19m: tick
expect event NET-1 unassigned x1
at 20m: tick -> unassigned=1
at 35m: tick -> unassigned=1
at 36m: maria acknowledge NET-1
expect NET-1 acknowledged off !with_manager

story unassigned-p3: a P3 that nobody takes goes to the manager once
at 0: disk fires
at 4h: tick -> unassigned=1
at 20h: tick -> unassigned=0
expect NET-1 on manager:P3 reason=unassigned

story catches-up: a daemon that was away works off what is due, in order, once
at 0: disk fires P1
at 2h: tick -> unassigned=1 escalated=2 update_overdue=1
expect NET-1 on manager:P1 tier=tier3
expect event NET-1 unassigned x1
expect clock NET-1 acknowledge due=2h15m

story two-daemons: what one daemon's tick did the other's does not
at 0: disk fires P1
at 5m: tick by=d1 -> unassigned=1
at 5m: tick by=d2 -> unassigned=0
expect event NET-1 unassigned x1

story tiers: work that takes too long goes up a tier, and rest does not count
at 0: disk fires P1
at 1m: maria acknowledge NET-1
at 11m: maria snooze NET-1 for=10m
at 21m: tick
at 39m: tick -> escalated=0
expect clock NET-1 tier2 due=40m
at 40m: tick -> escalated=1
expect NET-1 open on tier2:P1 reason=escalated last_assignee=maria
at 41m: bob acknowledge NET-1
at 1h10m: tick -> escalated=1
expect NET-1 open on tier3:P1

story with-the-manager-it-stays: on the manager's queue only the tier changes
at 0: disk fires P2
at 15m: tick -> unassigned=1
at 2h: tick -> escalated=1
expect NET-1 on manager:P2 tier=tier2

story used-time-stays: tier clocks go on where they were after a reopening, and after a priority without tiers
at 0: disk fires P3 lease=0
at 6h: disk ends
at 8h: disk fires
expect clock NET-1 tier2 due=1d2h
at 9h: maria lower NET-1 impact=low
expect clock NET-1 tier2 rests used=7h
at 11h: maria raise NET-1 impact=medium
expect clock NET-1 tier2 due=1d4h

story stalled: acknowledged and forgotten it comes back; whatever a person writes begins anew
at 0: disk fires P2
at 1m: maria acknowledge NET-1
at 1h1m: maria note NET-1 text=still
expect clock NET-1 reacknowledge due=5h1m
at 2h1m: tick
at 2h2m: maria acknowledge NET-1
at 4h1m: tick
at 4h2m: maria acknowledge NET-1
at 8h2m: tick -> stalled=1
expect NET-1 open last_assignee=maria overdue=update,tier2,tier3
expect events NET-1 stalled

story raise-is-never-later: after a raise nothing is due later than before
at 0: disk fires P3
at 3h59m: maria raise NET-1 impact=high urgency=high
expect clock NET-1 acknowledge due=5m
at 3h59m: tick -> unassigned=1
expect NET-1 on manager:P1

story orphan-timer: a clock that is gone does nothing
at 0: disk fires P1
at 1m: maria acknowledge NET-1
at 5m: tick -> unassigned=0
expect NET-1 acknowledged

story lease: a sender that fell silent ends its alert, but verifies nothing
at 0: disk fires P2 lease=5m
at 5m: tick -> stale=1 resolved=1
expect NET-1 resolved off resolved_at=5m !verified_at
expect events NET-1 stale resolved

story lease-renewed: each receipt renews the word
at 0: disk fires lease=5m
at 4m: disk fires lease=5m
at 5m: tick -> stale=0
expect NET-1 open
at 9m: tick -> stale=1

story horizon: while records wait in a spool nothing ends by silence, for any daemon
at 0: disk fires lease=5m
at 4m: tick by=d2 oldest=3m
at 6m: tick by=d1 -> stale=0
expect NET-1 open
at 7m: tick by=d2 -> stale=1
expect NET-1 resolved

story silent-daemon: a daemon that fell silent holds it too, until it is given up
at 0: disk fires lease=5m
at 1m: tick by=d2
at 10m: tick by=d1 -> stale=0
at 17m: tick by=d1 -> stale=1 given_up=1

story leaving-daemon: one that leaves in good order holds nothing
at 0: disk fires lease=5m
at 1m: tick by=d2
at 2m: tick by=d2 leaving=true
at 5m: tick by=d1 -> stale=1

story grace-waits: grace waits for the horizon as well
at 0: disk fires
at 1m: disk ends
at 4h1m: tick oldest=1h -> closed=0
at 4h2m: tick -> closed=1

story clocks-by-the-wall: what people are late with does not wait for the horizon
at 0: disk fires P1
at 5m: tick oldest=1m -> unassigned=1

story heartbeat: a monitor that is not heard opens an incident, and resolves it when it is back
at 0: settings heartbeats=[{"name":"prom","every":300000,"impact":"high","urgency":"high"}]
at 4m: prom beats
at 8m: tick -> opened=0
at 9m: tick -> opened=1
expect NET-1 open on tier1:P1 rule=heartbeat
at 12m: prom beats
expect NET-1 resolved
at 13m: other beats -> ignored=1

story other-times: a reload with other times counts for what runs already
at 0: settings sla={"P1":{"acknowledge":300000},"P3":{"acknowledge":3600000,"tier2":7200000,"grace":60000}}
at 0: a fires P3 key=a & b fires P1 key=b
at 5m: tick -> unassigned=1
at 30m: settings sla={"P1":{"acknowledge":60000},"P3":{"acknowledge":1200000,"tier2":14400000,"grace":60000}}
at 30m: tick -> unassigned=2
expect NET-1 on manager:P3
expect clock NET-1 tier2 due=4h
expect clock NET-2 acknowledge due=45m
at 40m: settings sla={"P1":{"acknowledge":60000},"P3":{"acknowledge":1200000,"tier2":14400000,"tier3":21600000,"grace":60000}}
at 40m: tick
expect clock NET-1 tier3 due=6h40m
