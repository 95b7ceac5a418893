# How an incident comes to be, and what joins it.

story alert-opens: an alert that fires opens an incident on its team's queue, with category and place
at 0: disk fires P2 on=db1 runbook=https://runbooks/disk logs=https://logs/db1
expect NET-1 open on tier1:P2 impact=high urgency=medium category=hardware service=checkout systems=["db1"]
expect NET-1 opened_at=0 runbook=https://runbooks/disk logs=https://logs/db1 triage=new reason=opened
expect clock NET-1 acknowledge due=15m
expect events NET-1 opened

story matrix: impact and urgency make the priority
at 0: a fires high/high key=a & b fires high/low key=b & c fires medium/low key=c & d fires low/low key=d
expect NET-1 on tier1:P1
expect NET-2 on tier1:P3
expect NET-3 on tier1:P4
expect NET-4 on tier1:P4

story by-hand: a user's ticket is opened by hand, and counts as any other
at 0: maria open title="Mail is slow" impact=medium urgency=high category=software reported_by=jo systems=["mail1"]
expect NET-1 open on tier1:P2 title=Mail_is_slow category=software reported_by=jo source=manual system_count=1
at 15m: tick -> unassigned=1
expect NET-1 on manager:P2

story by-hand-many-systems: what is opened by hand for many systems is raised by its blast radius
at 0: settings blast_radius=[{"systems":2,"impact":"high"}]
at 0: maria open title=x impact=low urgency=high systems=["a","b"]
expect NET-1 on tier1:P1

story known-error: a known error carries its workaround
at 0: nfs fires triage=known known_error=KE-7 workaround=remount kb=https://kb/7
expect NET-1 triage=known known_error=KE-7 workaround=remount kb=https://kb/7

story one-cause: alerts of one cause are one incident, which grows and is raised
at 0: settings blast_radius=[{"systems":2,"impact":"medium"},{"systems":3,"impact":"high"}]
at 0: a fires low/high on=h1
expect NET-1 on tier1:P3
at 1m: b fires low/high on=h2
expect NET-1 on tier1:P2 impact=medium alerts=2
at 2m: c fires low/high on=h3
expect NET-1 on tier1:P1 system_count=3 reason=raised
expect incidents 1

story repeat-counts: one more receipt of the same alert counts and changes nothing else
at 0: disk fires
at 1m: disk fires
at 2m: disk fires count=5
expect NET-1 open on tier1:P3 count=7 alerts=1 version=1

story new-system: what grew since the acknowledgement is counted
at 0: a fires on=h1
at 1m: maria acknowledge NET-1
at 2m: b fires on=h2
expect NET-1 acknowledged off grew=1
expect events NET-1 acknowledged grew
at 3m: bob acknowledge NET-1 take=true
expect NET-1 assignee=bob !grew

story worse-while-open: an alert of a higher priority puts it on the higher queue; the clock keeps what it used
at 0: a fires P3
at 1h: b fires P2
expect NET-1 on tier1:P2 reason=raised
expect clock NET-1 acknowledge due=15m
at 1h: tick -> unassigned=1

story worse-while-acknowledged: and takes it from whoever works on less
at 0: a fires P3
at 1m: maria acknowledge NET-1
at 2m: b fires P1
expect NET-1 open on tier1:P1 reason=raised last_assignee=maria !assignee

story milder-lowers-nothing: a milder alert lowers nothing
at 0: a fires P2
at 1m: b fires P4
expect NET-1 on tier1:P2 alerts=2

story threshold: what has a threshold is held until it is reached, and then counted whole
at 0: login fires threshold="3 60000 ssh" -> held=1
at 10s: login fires threshold="3 60000 ssh" -> held=1
expect incidents 0
at 20s: login fires threshold="3 60000 ssh" -> opened=1
expect NET-1 count=3 first_at=0

story threshold-too-slow: slower than the window reaches nothing
at 0: login fires threshold="2 60000 ssh" -> held=1
at 61s: login fires threshold="2 60000 ssh" -> held=1
expect incidents 0

story log-quiet: a log incident ends when it was quiet for long enough
at 0: oom fires log resolve_after=10m
at 8m: oom fires log resolve_after=10m
at 17m: tick
expect NET-1 open
at 18m: tick -> resolved=1 stale=1
expect NET-1 resolved off unattended=1
expect alert oom of NET-1 state=stale

story stays-where-it-fires: an alert that fires stays in its incident, whatever its group key says now
at 0: disk fires key=a
at 1m: disk fires key=b
expect incidents 1

story other-cause: another group key is another incident
at 0: disk fires key=a & net fires key=b
expect incidents 2

story join-within: a new alert does not join an incident that has been still for a day
at 0: a fires lease=0
at 1m: maria acknowledge NET-1
at 24h: b fires
expect incidents 1
at 49h: c fires
expect incidents 2
expect NET-2 open recurrence_of=NET-1

story late-record: a record that was long on its way only counts
at 0: disk fires
at 2h: disk ends
at 3h: disk fires ago=2h30m
expect NET-1 resolved count=3

story clocks-apart: daemons' clocks lie apart; what the source says of its own time decides
at 1h: disk fires starts=59m
at 1h4s: disk ends ago=5s ends=1h3s
expect NET-1 resolved
at 1h30s: disk fires starts=1h20s
expect NET-1 open reason=reopened
at 1h31s: disk ends ago=4s ends=1h10s
expect NET-1 open firing=1

story heard-again-after-a-loss: a Redis that went back gets everything again, once
at 0: a fires
at 1m: save
at 2m: b fires
at 3m: maria acknowledge NET-1
at 4m: rewind
expect NET-1 acknowledged assignee=maria count=2
at 5m: again 3
expect NET-1 acknowledged count=2

story all-lost: Redis lost everything: what the spools keep is applied, and numbers are not given again
at 0: a fires
at 1m: a fires
at 2m: forget 1
expect incidents 1
expect NET-41 open count=1

story refused-when-sent-again: a verb that a Redis which went back must refuse becomes an event, not silence
at 0: disk fires
at 1m: save
at 2m: maria escalate NET-1
at 3m: disk ends
at 4m: rewind
expect NET-1 resolved tier=tier1
