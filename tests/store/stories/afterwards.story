# Reviews, problems, known errors, automation; windows.

story review: a P1 owes a review; it needs a root cause; action items have owners
at 0: disk fires P1
at 1m: disk ends
at 2m: maria resolve NET-1 resolution=r
at 3m: maria confirm NET-1 by=jo
at 31m: tick -> closed=1
at 1h: maria review NET-1 summary="the disk filled" actions=[{"text":"alarm","owner":"bob"}]
at 2h: maria review NET-1 done=true -> bad_request
at 3h: maria review NET-1 root_cause="no rotation" done=true known_error={"id":"KE-1","match":["alertname=disk"]}
expect NET-1 closed review=done
expect clock NET-1 review gone
expect reviews 1 state=done root_cause=no_rotation
expect actions 1 owner=bob state=open incident=NET-1
expect known_errors 1 id=KE-1
at 4h: bob action action=ACT-1 state=done
expect actions 1 state=done
at 5h: bob action action=ACT-7 state=done -> not_found

story review-overdue: a review that is not written is told after five working days
at 0: disk fires P2
at 1m: disk ends
at 2m: maria resolve NET-1 resolution=r
at 3m: maria confirm NET-1 by=jo
at 1h1m: tick -> closed=1
at 7d1h: tick -> review_overdue=0
at 7d1h1m: tick -> review_overdue=1
expect events NET-1 closed review_overdue
expect clock NET-1 review fired

story review-too-early: not while it is worked on
at 0: disk fires P1
at 1m: maria review NET-1 summary=x -> not_allowed

story recurring: a P3 that keeps coming back is a problem, and owes a review
at 0: disk fires
at 1m: disk ends
at 6h: tick -> closed=1
at 7h: disk fires
at 7h1m: disk ends
at 13h: tick -> closed=1
at 14h: disk fires
expect NET-3 recurrences=2 recurrence_of=NET-2
expect problems 1 why=recurs state=candidate
at 14h1m: disk ends
at 20h: tick -> closed=1
expect NET-3 closed review=due

story several-systems: one rule across several systems is a problem as well
at 0: settings problems={"recurs":3,"within":604800000,"systems":2}
at 0: a fires on=h1
at 1m: b fires on=h2
expect problems 1 why=systems
at 2m: maria problem problem=PRB-0 state=known -> not_found

story automation: the same fix for the same error a third time is a task for automation
at 0: maria open title=x impact=low urgency=low category=software
at 0: maria open title=x impact=low urgency=low category=software
at 0: maria open title=x impact=low urgency=low category=software
at 1m: maria resolve NET-1 resolution=r fix=restart
at 2m: maria resolve NET-2 resolution=r fix=restart
expect fixes 1 uses=2 state=seen
at 3m: maria resolve NET-3 resolution=r fix=restart
expect fixes 1 uses=3 state=candidate
expect events NET-3 automation_candidate resolved

story known-error-by-hand: a known error is declared, and taken back
at 0: maria known_error known_error={"id":"KE-2","match":["a=b"],"workaround":"w"}
expect known_errors 1 workaround=w
at 1m: maria known_error known_error=KE-2 delete=true
expect known_errors 0

story window: what fires in a maintenance window is counted and stands on no queue; at its end it is queued
at 0: disk fires P1 window=1h
expect NET-1 open off suppressed_by=window
expect clock NET-1 acknowledge rests
at 59m: tick
expect NET-1 open off
at 1h: tick
expect NET-1 open on tier1:P1 reason=unsuppressed !suppressed_by
expect clock NET-1 acknowledge due=1h5m

story window-begins: a window that begins later takes it off the queue
at 0: disk fires P2
at 5m: disk fires P2 window=1h count=0
expect NET-1 open off suppressed_by=window count=1
expect clock NET-1 acknowledge rests used=5m

story window-for-one: it is suppressed while all that fires is
at 0: a fires window=1h
at 1m: b fires
expect NET-1 open on tier1:P3 !suppressed_by
at 2m: b ends
expect NET-1 open off suppressed_by=window
at 3m: a ends
expect NET-1 resolved off

story window-over-while-resolved: reopened after a workaround, a window that is over suppresses nothing
at 0: disk fires window=4h
at 15m: maria resolve NET-1 resolution=r kind=workaround
at 5h: maria reopen NET-1 text=x
expect NET-1 open on tier1:P3 !muted
