-- suppression: an incident is suppressed while all its firing alerts are (lifecycle, section 3).
-- The daemon matches windows and sends their names and ends; whether they hold is decided by now.
-- Fields: muted = firing alerts that are suppressed, muted_by; suppress_until = when to look again.
local Suppression = B.lazy(function(Suppression)

-- What an observation says of its windows: the latest end that lies ahead (0 = none), their names.
function Suppression.windows(o)
  if o.suppress == '' then
    return 0, nil
  end
  if o.windows_at ~= B.now then
    local till, names = 0, {}
    for _, window in ipairs(B.json(o.suppress) or {}) do
      local ends = type(window) == 'table' and tonumber(window.until_ms) or 0
      if ends > B.now then
        till = math.max(till, ends)
        names[#names + 1] = tostring(window.name or '')
      end
    end
    o.windows_at, o.windows_till, o.windows_names = B.now, till, table.concat(names, ',')
  end
  return o.windows_till, o.windows_names
end

-- A firing alert's windows, as they are now; 0 = none holds.
function Suppression.mute(inc, a, till, names)
  if a.muted == till then
    return
  end
  local muted = Incident.number(inc, 'muted')
  if till > 0 then
    if a.muted == 0 then
      Incident.set(inc, 'muted', muted + 1)
    end
    local look = Incident.number(inc, 'suppress_until')
    if look == 0 or till < look then
      Incident.set(inc, 'suppress_until', till)
    end
    Incident.set(inc, 'muted_by', names or 'maintenance')
  else
    Incident.set(inc, 'muted', muted > 1 and muted - 1 or '')
    if muted <= 1 then
      Incident.set(inc, 'muted_by', '')
      Incident.set(inc, 'suppress_until', '')
    end
  end
  a.muted, a.dirty = till, true
  Incident.touch(inc)
end

-- The edges. While nothing fires (settling) the flag stays as it was.
function Suppression.sync(inc)
  local firing, muted = Incident.number(inc, 'firing'), Incident.number(inc, 'muted')
  local was = Incident.get(inc, 'suppressed_by') ~= ''
  if firing == 0 or not Incident.active(inc) then
    return
  end
  local is = muted >= firing
  if is == was then
    return
  end
  Incident.touch(inc)
  if is then
    Incident.set(inc, 'suppressed_by', Incident.get(inc, 'muted_by'))
    Timeline.add(inc, 'suppressed', nil, { by = inc.f.suppressed_by })
    return
  end
  Incident.set(inc, 'suppressed_by', '')
  Timeline.add(inc, 'unsuppressed')
  if inc.f.state == 'open' then
    Clocks.read(inc).acknowledge = nil
    Clocks.overdue(inc, 'acknowledge', false)
    Incident.set(inc, 'with_manager', '')
    inc.requeue = 'unsuppressed'
  end
end

-- Looks at the windows of all its alerts again: those that are over count no longer.
function Suppression.look(ctx, inc)
  Incident.set(inc, 'suppress_until', '')
  local look = 0
  for _, holder in ipairs(Incident.holders(ctx, inc)) do
    Incident.alerts_all(holder)
    for _, a in pairs(holder.alerts) do
      if a and a.state == 'firing' and a.muted > 0 then
        if a.muted <= B.now then
          Suppression.mute(inc, a, 0)
        elseif look == 0 or a.muted < look then
          look = a.muted
        end
      end
    end
  end
  Incident.set(inc, 'suppress_until', look > 0 and look or '')
  Suppression.sync(inc)
end

end)
