-- ending: an alert is over, by a monitor's word or because that word ran out; and what follows for
-- its incident.
local Ending = B.lazy(function(Ending)

-- An alert ended: state resolved or stale. at: when, for resolved_at.
function Ending.ended(ctx, inc, holder, fingerprint, a, state, at)
  Incident.fill(inc)
  a.state, a.senders, a.dirty = state, false, true
  if a.muted > 0 then
    Suppression.mute(inc, a, 0)
  end
  local left = math.max(0, Incident.number(inc, 'firing') - 1)
  Incident.set(inc, 'firing', left)
  if state == 'stale' then
    Incident.set(inc, 'stale', Incident.number(inc, 'stale') + 1)
  end
  Incident.point(ctx, 'firing', fingerprint, false)
  Incident.lease_drop(ctx, holder, fingerprint)
  if left > 0 then
    Suppression.sync(inc)
    return
  end
  Incident.touch(inc)
  if Incident.active(inc) then
    if Clocks.settle(inc) > 0 then
      Incident.set(inc, 'ended_at', at)
    else
      States.resolve(ctx, inc, at, state == 'stale' and 'clock' or 'monitor', state ~= 'stale')
    end
  elseif inc.f.state == 'resolved' then
    if state ~= 'stale' and Incident.number(inc, 'stale') == 0
      and (inc.f.verified_at or '') == '' then
      Incident.set(inc, 'verified_at', B.now)
      Incident.set(inc, 'verified_by', 'monitor')
    end
    Timeline.add(inc, 'ended', state == 'stale' and 'clock' or 'monitor')
  end
end

function Ending.resolved(ctx, o)
  local id = Incident.look(ctx, 'firing', o.fingerprint)
  local inc = id and Incident.load(ctx, id)
  local holder = inc and Incident.exact(ctx, id)
  local a = inc and Incident.alert(holder, o.fingerprint)
  if not a or a.state ~= 'firing' then
    ctx.n.ignored = ctx.n.ignored + 1
    return
  end
  local counts = o.state == 'resolved'
  if counts then
    Receipt.count(inc, a, o)
    ctx.n.updated = ctx.n.updated + 1
  end
  local later
  if o.ends > 0 then
    later = o.ends >= tonumber(a.starts)
  end
  if later == false or Receipt.outdated(a, o, later) then
    return
  end
  a.last, a.dirty = math.max(a.last, o.last), true
  if not Alerts.said_resolved(a, o.sender, o.pairs_too, o.last) then
    if a.lease > 0 then -- the word that went may have been the longer one
      Incident.lease(ctx, holder, o.fingerprint, a.lease)
    end
    return
  end
  a.ends = B.int(o.ends > 0 and o.ends or o.last)
  Ending.ended(ctx, inc, holder, o.fingerprint, a, 'resolved', o.last)
end

end)
