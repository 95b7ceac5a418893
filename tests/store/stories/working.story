# Acknowledging, handing on, raising, waiting, telling.

story acknowledge: acknowledging takes it off the queue and names who has it
at 0: disk fires
at 5m: maria acknowledge NET-1 text=mine
expect NET-1 acknowledged off assignee=maria acknowledged_at=5m
expect clock NET-1 acknowledge gone
expect clock NET-1 reacknowledge due=1d5m
at 6m: maria acknowledge NET-1 -> unchanged

story two-at-once: of two who take it at once one wins, the other is told who has it
at 0: disk fires
at 5m: maria acknowledge NET-1
at 5m: bob acknowledge NET-1 -> held holder=maria
expect NET-1 assignee=maria
at 6m: bob acknowledge NET-1 take=true
expect NET-1 acknowledged assignee=bob last_assignee=maria
expect events NET-1 acknowledged taken_over

story take-the-next: a responder takes the most urgent, and what nobody acknowledges comes back
at 0: a fires P4 key=a & b fires P2 key=b & c fires P3 key=c
at 1m: maria takes -> NET-2
at 1m: bob takes -> NET-3
at 2m: tick
at 4m: tick -> returned=2
expect NET-2 open on tier1:P2 reason=returned
expect clock NET-2 acknowledge due=15m
at 5m: bob takes -> NET-2
at 6m: bob acknowledge NET-2
expect queue tier1:P2 empty

story too-late: acknowledging what is over changes nothing and is noted
at 0: disk fires
at 5m: disk ends
at 5m: maria acknowledge NET-1 -> unchanged
expect NET-1 resolved off
expect events NET-1 resolved noted

story assign: an incident on the queue is meant for somebody; the clock runs until that one acknowledges
at 0: disk fires P2
at 1m: maria assign NET-1 assignee=bob
expect NET-1 open on tier1:P2 for=bob reason=assigned
expect clock NET-1 acknowledge due=15m
at 2m: maria assign NET-1 assignee=bob -> unchanged
at 15m: tick -> unassigned=1
at 16m: bob acknowledge NET-1
expect NET-1 assignee=bob !for

story hand-over: handed to another it is open again until that one acknowledges
at 0: disk fires
at 1m: maria acknowledge NET-1
at 2m: maria assign NET-1 assignee=maria -> unchanged
at 3m: maria assign NET-1 assignee=bob
expect NET-1 open on tier1:P3 for=bob last_assignee=maria
expect clock NET-1 acknowledge due=4h3m

story who-confirms: of a resolved incident, assigned is who confirms
at 0: disk fires P2
at 1m: disk ends
at 2m: maria assign NET-1 assignee=lea
expect NET-1 resolved confirmer=lea

story release: given back it is on the queue with a fresh clock
at 0: disk fires
at 1m: maria release NET-1 -> unchanged
at 1h: maria acknowledge NET-1
at 2h: maria release NET-1
expect NET-1 open on tier1:P3 reason=returned last_assignee=maria !assignee
expect clock NET-1 acknowledge due=6h

story escalate: the next tier's queue, and its clock is done with
at 0: disk fires
at 1m: maria acknowledge NET-1
at 2m: maria escalate NET-1 reason="needs a kernel hacker"
expect NET-1 open on tier2:P3 tier=tier2 reason=escalated last_assignee=maria
expect clock NET-1 tier2 fired
at 3m: bob escalate NET-1
at 4m: bob escalate NET-1
expect NET-1 on manager:P3 tier=tier3

story no-tier-skipped: two who escalate at once skip no tier
at 0: disk fires
at 1m: maria escalate NET-1 from_tier=tier1
at 1m: bob escalate NET-1 from_tier=tier1 -> unchanged
expect NET-1 on tier2:P3

story no-tier-above: there is nothing above the manager
at 0: disk fires
at 1m: maria escalate NET-1 tier=manager
at 2m: maria escalate NET-1 tier=manager -> unchanged
at 3m: maria escalate NET-1 tier=tier1 -> bad_request

story raise: a responder's raise is a floor, and comes with the shorter deadline
at 0: disk fires P3
at 1m: maria raise NET-1 impact=high urgency=high
expect NET-1 on tier1:P1 reason=raised
expect clock NET-1 acknowledge due=5m
at 2m: disk fires P4
expect NET-1 on tier1:P1
at 3m: maria raise NET-1 impact=low -> bad_request
at 4m: maria raise NET-1 impact=huge -> bad_request

story raise-while-acknowledged: raised, it is for everybody again
at 0: disk fires P3
at 1m: maria acknowledge NET-1
at 2m: bob raise NET-1 urgency=high
expect NET-1 open on tier1:P2 last_assignee=maria

story lower: a lowering holds until the computed priority changes; nobody's escalation is undone
at 0: disk fires P2
at 5m: maria lower NET-1 impact=low
expect NET-1 open on tier1:P4 reason=lowered
expect clock NET-1 acknowledge due=1d
at 6m: disk fires P2
expect NET-1 on tier1:P4
at 7m: net fires P1
expect NET-1 on tier1:P1

story lower-while-acknowledged: lowered, it stays with whoever has it
at 0: disk fires P2
at 1m: maria acknowledge NET-1
at 2m: maria lower NET-1 urgency=low
expect NET-1 acknowledged off priority=P3 assignee=maria

story rating-what-is-over: a resolved incident's rating is mended and moves nothing
at 0: disk fires P3
at 1m: disk ends
at 2m: maria raise NET-1 impact=high
expect NET-1 resolved off priority=P2
at 3m: maria lower NET-1 impact=low urgency=low
expect NET-1 resolved off priority=P4

story snooze: snoozed it is off the queue; then it is back with a fresh clock
at 0: disk fires P3
at 1h: maria snooze NET-1 for=2h text=tonight
expect NET-1 open off snoozed_until=3h
expect clock NET-1 acknowledge rests used=1h
at 3h: tick -> unsnoozed=1
expect NET-1 open on tier1:P3 reason=unsnoozed !snoozed_until
expect clock NET-1 acknowledge due=7h

story snooze-limits: P1 and P2 are to be acknowledged first, and then rest an hour at most
at 0: disk fires P1
at 1m: maria snooze NET-1 for=30m -> not_allowed
at 2m: maria acknowledge NET-1
at 3m: maria snooze NET-1 for=2h -> bad_request
at 4m: maria snooze NET-1 for=1h
expect NET-1 acknowledged snoozed_until=1h4m
expect clock NET-1 reacknowledge rests
at 1h4m: tick
expect NET-1 acknowledged !snoozed_until

story snooze-too-long: a week at most, and forwards
at 0: disk fires P4
at 1m: maria snooze NET-1 for=8d -> bad_request
at 2m: maria snooze NET-1 until=1m -> bad_request
at 3m: maria snooze NET-1 for=7d

story raise-wakes: a raise ends a snooze
at 0: disk fires P3
at 1m: maria snooze NET-1 for=1d
at 2m: net fires P1
expect NET-1 open on tier1:P1 !snoozed_until

story communication: updates renew their clock, notes and machines do not; silence is told
at 0: disk fires P1
at 5m: maria acknowledge NET-1
at 20m: maria note NET-1 text=looking
at 30m: tick -> update_overdue=1
expect NET-1 overdue=tier2,update tier=tier2
at 31m: maria update NET-1 text="we found it"
expect NET-1 overdue=tier2 update_text=we_found_it
expect clock NET-1 update due=1h1m

story promised-update: a promised time counts once
at 0: disk fires P1
at 1m: maria update NET-1 text=soon next_update_at=2h
expect clock NET-1 update due=2h
at 3m: maria update NET-1 text=now
expect clock NET-1 update due=33m
at 4m: maria update NET-1 text=never next_update_at=1m -> bad_request
at 5m: maria update NET-1 -> bad_request
at 6m: maria note NET-1 text="no news"
expect events NET-1 update note

story same-request: the same request again changes nothing and gets the first answer
at 0: disk fires
at 1m: maria acknowledge NET-1 request=r1
at 2m: maria release NET-1
at 3m: maria acknowledge NET-1 request=r1 -> ok repeated=True
expect NET-1 open on tier1:P3

story if-version: a verb for a version that is gone is refused
at 0: disk fires
at 1m: maria acknowledge NET-1 if_version=1
at 1m: bob escalate NET-1 if_version=1 -> version
expect NET-1 acknowledged version=2

story wrong-incident: what is not there, or is another one by now
at 0: disk fires
at 1m: maria acknowledge NET-7 -> not_found
at 2m: maria acknowledge NET-1 uid=0123456789abcdef -> other_incident
at 3m: maria dance NET-1 -> bad_request
expect NET-1 open

story expired: a verb that was answered 504 is not done an hour later
at 0: disk fires
at 1h: maria acknowledge NET-1 at=0 -> expired
expect NET-1 open on tier1:P3

story same-priority: another cell of the same priority renews the entry
at 0: disk fires medium/high
at 1m: maria raise NET-1 impact=high urgency=medium
expect NET-1 on tier1:P2 impact=high reason=opened
expect events NET-1 opened changed
