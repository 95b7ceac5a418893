# Resolving, verifying, confirming, closing; and what comes back.

story monitor-resolves: when all alerts have ended it is resolved, and that is verification
at 0: a fires & b fires
at 1m: maria acknowledge NET-1
at 2m: a ends
expect NET-1 acknowledged firing=1
at 3m: b ends
expect NET-1 resolved off resolved_at=3m verified_by=monitor !unattended

story settle: not before it has been quiet for a while, if the rule says so
at 0: disk fires settle=5m
at 1m: disk ends
expect NET-1 open ended_at=1m
at 2m: disk fires
at 3m: disk ends
at 7m: tick -> resolved=0
at 8m: tick -> resolved=1
expect NET-1 resolved resolved_at=3m unattended=1

story unknown-resolve: the end of what never fired is ignored
at 0: disk ends -> ignored=1
expect incidents 0

story elsewhere: a resolve that was sent to other teams too acts where it fires and counts nothing
at 0: disk fires
at 1m: disk elsewhere & net elsewhere
expect NET-1 resolved count=1

story old-resolve: a resolve whose end lies before the present start is ignored
at 1h: disk fires starts=1h
at 2h: disk ends ends=30m
expect NET-1 open count=2

story pairs: what one of a pair says does not end what the other keeps firing
at 0: disk fires sender=a pairs lease=5m & disk fires sender=b pairs lease=5m
at 1m: disk ends sender=a pairs
expect NET-1 open
at 2m: disk ends sender=b pairs
expect NET-1 resolved

story fix: a fix is resolved when nothing fires; how it was done is written down
at 0: maria open title=x impact=low urgency=low
at 1m: bob resolve NET-1 -> bad_request
at 2m: bob resolve NET-1 resolution="swapped the disk" kind=fix fix=swap-disk
expect NET-1 resolved kind=fix fix=swap-disk resolution=swapped_the_disk resolved_at=2m
at 3m: bob resolve NET-1 resolution="swapped two disks" noise=poor_details
expect NET-1 resolution=swapped_two_disks noise=poor_details
expect events NET-1 resolved mended
at 4m: bob resolve NET-1 resolution="swapped two disks" -> unchanged

story still-firing: while alerts fire only a workaround resolves
at 0: disk fires
at 1m: maria resolve NET-1 resolution=r -> still_firing firing=1
at 2m: maria resolve NET-1 resolution=r kind=workaround
expect NET-1 resolved kind=workaround
expect clock NET-1 grace rests
at 1h: disk fires
expect NET-1 resolved
at 2h: disk ends
expect clock NET-1 grace due=6h
expect events NET-1 ended
at 6h: tick -> closed=1

story workaround-other-host: a new alert reopens what only a workaround had resolved
at 0: a fires
at 1m: maria resolve NET-1 resolution=r kind=workaround
at 2m: b fires
expect NET-1 open on tier1:P3 reason=reopened

story acknowledged-resolve: whoever has it resolves it
at 0: a fires
at 1m: maria acknowledge NET-1
at 2m: maria resolve NET-1 resolution=r kind=workaround
expect NET-1 resolved off

story p3-closes: P3 and P4 close by themselves after grace
at 0: disk fires
at 1m: disk ends
at 4h: tick -> closed=0
at 4h1m: tick -> closed=1
expect NET-1 closed resolution=ended_by_itself !review

story p1-all-the-way: a P1 is acknowledged, told of, resolved, confirmed, and closed after grace; a review is owed
at 0: disk fires P1
at 4m: maria acknowledge NET-1
at 20m: maria update NET-1 text=working
at 30m: disk ends
at 31m: maria close NET-1 -> not_allowed
at 32m: maria resolve NET-1 resolution=r kind=fix
at 33m: maria close NET-1 -> not_allowed
at 40m: maria confirm NET-1 by=jo
expect NET-1 resolved confirmed_by=jo
at 59m: tick -> closed=0
at 1h: tick -> closed=1
expect NET-1 closed review=due
expect clock NET-1 review due=7d1h

story never-unconfirmed: a P1 never closes unconfirmed; after two days the manager is asked
at 0: disk fires P1
at 30m: disk ends
at 2d30m: tick -> closed=0 unconfirmed=1
expect NET-1 resolved on manager:P1 overdue=update,confirm reason=unconfirmed
at 2d31m: maria confirm NET-1 by=jo
expect NET-1 resolved off !manager_reason

story confirmed-not-closable: confirmed, but nothing is written: the manager is asked again
at 0: disk fires P1
at 1m: maria acknowledge NET-1
at 30m: disk ends
at 40m: maria confirm NET-1 by=jo
at 41m: maria confirm NET-1 by=jo -> unchanged
at 2d41m: tick -> unclosed=1 closed=0
expect NET-1 resolved on manager:P1 reason=unclosed
at 2d42m: maria resolve NET-1 resolution=r
expect NET-1 closed off

story verify: silence is no verification, a responder's word is
at 0: disk fires P2 lease=5m
at 1m: maria acknowledge NET-1
at 5m: tick -> resolved=1
at 6m: maria resolve NET-1 resolution=r
at 7m: maria confirm NET-1 by=jo
at 2h: tick -> closed=0
at 2h1m: maria verify NET-1
expect NET-1 closed off verified_by=maria

story forced-close: only a manager closes early, with a reason, on record
at 0: disk fires P2
at 1m: maria resolve NET-1 resolution=r kind=workaround
at 2m: maria close NET-1 force=true text=now -> not_allowed
at 3m: boss close NET-1 force=true role=manager -> bad_request
at 4m: boss close NET-1 force=true role=manager text="decommissioned"
expect NET-1 closed review=due
expect told NET-1 text=decommissioned forced=alerts_still_fire

story close-in-time: closing by hand works once everything is there
at 0: settings sla={"P3":{"acknowledge":1000,"grace":60000}}
at 0: disk fires
at 1m: disk ends
at 1m30s: maria close NET-1 -> not_allowed
at 2m: maria resolve NET-1 resolution=r
at 2m: tick -> closed=1
at 3m: maria close NET-1 -> unchanged

story forced-reopened: closed by force while alerts fired, reopened: each is looked at again
at 0: a fires P2 lease=1h key=k & b fires P2 lease=1h key=k
at 1m: maria resolve NET-1 resolution=r kind=workaround
at 2m: boss close NET-1 force=true role=manager text=x
at 3m: a ends
at 4m: b fires P2 lease=2h key=k
expect NET-2 open recurrence_of=NET-1
at 5m: b ends
at 6m: boss reopen NET-1 role=manager text=again
expect NET-1 open firing=0

story fires-again-soon: what fires again within grace reopens, with its clocks anew
at 0: disk fires
at 1m: maria acknowledge NET-1
at 2m: disk ends
at 3h: disk fires
expect NET-1 open on tier1:P3 reason=reopened reopens=1 !resolved_at
expect clock NET-1 acknowledge due=7h

story fires-again-worse: and at the higher priority, if it is worse
at 0: disk fires P3
at 2m: disk ends
at 1h: disk fires P1
expect NET-1 open on tier1:P1

story fires-again-late: later it is a new one that knows the old
at 0: disk fires
at 1m: disk ends
at 4h2m: disk fires
expect incidents 2
expect NET-2 open recurrence_of=NET-1
expect NET-1 resolved

story fires-after-closing: after closing as well
at 0: disk fires
at 1m: disk ends
at 5h: tick -> closed=1
at 6h: disk fires
expect NET-2 open recurrence_of=NET-1 recurrences=1

story flapping: what comes and goes is one incident, flapping, and settles slowly
at 0: disk fires
at 1m: disk ends
at 2m: disk fires
at 3m: disk ends
at 4m: disk fires
at 5m: disk ends
at 6m: disk fires
expect NET-1 open flapping=1 reopens=3
at 7m: disk ends
expect NET-1 open
at 37m: tick -> resolved=1
expect NET-1 resolved !flapping
expect events NET-1 resolved flapping_ended
expect problems 1 why=flapping

story reopen-by-hand: a person reopens, with a reason
at 0: disk fires
at 1m: maria reopen NET-1 text=x -> unchanged
at 2m: disk ends
at 3m: maria reopen NET-1 -> bad_request
at 4m: maria reopen NET-1 text="not fixed"
expect NET-1 open on tier1:P3 reason=reopened
at 5m: maria acknowledge NET-1
at 6m: maria reopen NET-1 text=x -> unchanged

story superseded: not when a newer one is open for the same cause
at 0: a fires
at 1m: a ends
at 5h: b fires
at 5h1m: maria reopen NET-1 text=x -> superseded incident=NET-2

story reopen-closed: a closed one is reopened by a manager, soon; later there is a new one
at 0: disk fires
at 1m: disk ends
at 5h: tick -> closed=1
at 6h: maria reopen NET-1 text=x -> forbidden
at 7h: boss reopen NET-1 role=manager text="users complain"
expect NET-1 open on tier1:P3 reopens=1
at 7h1m: maria resolve NET-1 resolution=r
at 12h: tick -> closed=1
at 3d: boss reopen NET-1 role=manager text=late
expect NET-2 open on tier1:P3 recurrence_of=NET-1
expect NET-1 closed

story merge: merged, one goes into the other with its alerts and causes
at 0: a fires P3 key=k1 on=h1 & b fires P1 key=k2 on=h2
at 1m: maria acknowledge NET-1
at 2m: maria merge NET-2 into=NET-1
expect NET-2 closed off merged_into=NET-1 !review
expect NET-1 open on tier1:P1 alerts=2 firing=2 system_count=2
at 3m: c fires key=k2
expect incidents 2
expect NET-1 alerts=3
at 4m: a ends & b ends & c ends
expect NET-1 resolved

story merge-acknowledged: from whatever state
at 0: a fires key=k1 & b fires key=k2 & c fires key=k3
at 1m: maria acknowledge NET-2
at 2m: c ends
at 3m: maria merge NET-2 into=NET-1
at 3m: maria merge NET-3 into=NET-1
expect NET-1 open alerts=3 firing=2
at 4m: maria merge NET-1 into=NET-1 -> bad_request
at 5m: maria merge NET-1 into=NET-9 -> bad_request
at 6m: maria merge NET-1 into=NET-2 -> not_allowed
at 7m: boss reopen NET-2 role=manager text=x -> not_allowed

story while-open: what is not for an open incident
at 0: disk fires
at 1m: maria verify NET-1 -> not_allowed
at 2m: maria confirm NET-1 by=jo -> not_allowed
at 3m: maria close NET-1 -> not_allowed
expect NET-1 open on tier1:P3 version=1

story while-acknowledged: nor for an acknowledged one
at 0: disk fires
at 1m: maria acknowledge NET-1
at 2m: maria verify NET-1 -> not_allowed
at 3m: maria confirm NET-1 by=jo -> not_allowed
at 4m: maria close NET-1 -> not_allowed
expect NET-1 acknowledged version=2

story while-resolved: what is not for a resolved one, and what still is
at 0: disk fires
at 1m: disk ends
at 2m: maria release NET-1 -> not_allowed
at 3m: maria escalate NET-1 -> not_allowed
at 4m: maria snooze NET-1 for=1h -> not_allowed
at 5m: maria note NET-1 text=x
at 6m: maria update NET-1 text=x
at 7m: maria verify NET-1 -> unchanged
expect NET-1 resolved off

story while-closed: to a closed one only notes are added
at 0: disk fires
at 1m: disk ends
at 5h: tick -> closed=1
at 6h: maria acknowledge NET-1 -> not_allowed
at 6h: maria assign NET-1 assignee=bob -> not_allowed
at 6h: maria release NET-1 -> not_allowed
at 6h: maria escalate NET-1 -> not_allowed
at 6h: maria raise NET-1 impact=high -> not_allowed
at 6h: maria lower NET-1 impact=low -> not_allowed
at 6h: maria snooze NET-1 for=1h -> not_allowed
at 6h: maria update NET-1 text=x -> not_allowed
at 6h: maria resolve NET-1 resolution=x -> not_allowed
at 6h: maria merge NET-1 into=NET-1 -> not_allowed
at 6h: maria verify NET-1 -> unchanged
at 6h: maria confirm NET-1 by=jo -> unchanged
at 6h: maria note NET-1 text=afterwards
expect NET-1 closed off
expect events NET-1 closed note
