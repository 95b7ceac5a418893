-- recall: what became of the alerts of an incident that was closed by force while they fired, looked at
-- when it is opened again: one that fires elsewhere by now counts as over here, and of the others the
-- leases are watched again.
local Recall = B.lazy(function(Recall)

local function recall(ctx, inc, holder, fingerprint, a)
  if Incident.look(ctx, 'firing', fingerprint) == holder.id then
    if a.lease > 0 then
      Incident.lease(ctx, holder, fingerprint, a.lease)
    end
    return
  end
  if a.muted > 0 then
    Suppression.mute(inc, a, 0)
  end
  a.state, a.senders, a.dirty = 'resolved', false, true
  Incident.set(inc, 'firing', math.max(0, Incident.number(inc, 'firing') - 1))
end

function Recall.alerts(ctx, inc)
  if Incident.number(inc, 'firing') == 0 then
    return
  end
  for _, holder in ipairs(Incident.holders(ctx, inc)) do
    Incident.alerts_all(holder)
    for fingerprint, a in pairs(holder.alerts) do
      if a and a.state == 'firing' then
        recall(ctx, inc, holder, fingerprint, a)
      end
    end
  end
end

end)
