-- priority: which cell of the matrix an incident stands in. Computed: the most urgent cell that an
-- alert or the blast radius made; it only rises by itself. Human: a raise is a floor, a lowering
-- holds until the computed priority changes. Fields auto_* exist once a person has set something.
local Priority = B.lazy(function(Priority)

function Priority.rank(priority)
  return Settings.RANK[priority] or 4
end

-- The computed cell.
function Priority.computed(inc)
  local f = inc.f
  return f.auto_impact or f.impact, f.auto_urgency or f.urgency
end

-- Puts the present cell in place; false, or what happened: "raised" or "lowered". Another cell of
-- the same priority renews the queue entry, which shows the cell, with the reason it had.
local function show(inc, impact, urgency)
  local f = Incident.fill(inc).f
  local before = f.priority
  if f.impact == impact and f.urgency == urgency then
    return false
  end
  Incident.set(inc, 'impact', impact)
  Incident.set(inc, 'urgency', urgency)
  local after = Settings.priority(impact, urgency)
  if after == before then
    Incident.touch(inc)
    inc.requeue = inc.requeue or ((f.entry or '') ~= '' and f.reason)
    return false
  end
  Incident.set(inc, 'priority', after)
  Incident.touch(inc)
  local raised = Priority.rank(after) < Priority.rank(before)
  Clocks.rebudget(inc, raised)
  return raised and 'raised' or 'lowered'
end

-- Computed cell, a lowering that still holds, a floor: in this order.
function Priority.apply(inc)
  local f = Incident.fill(inc).f
  local impact, urgency = Priority.computed(inc)
  local computed = Settings.priority(impact, urgency)
  if (f.cap_impact or '') ~= '' then
    if f.cap_at == computed then
      impact, urgency = f.cap_impact, f.cap_urgency
    else
      Incident.set(inc, 'cap_impact', '')
      Incident.set(inc, 'cap_urgency', '')
      Incident.set(inc, 'cap_at', '')
    end
  end
  if (f.floor_impact or '') ~= '' then
    local floor = Settings.priority(f.floor_impact, f.floor_urgency)
    if Priority.rank(floor) < Priority.rank(Settings.priority(impact, urgency)) then
      impact, urgency = f.floor_impact, f.floor_urgency
    end
  end
  return show(inc, impact, urgency)
end

-- A person sets the cell.
function Priority.human(inc, impact, urgency)
  local f = Incident.fill(inc).f
  if (f.auto_impact or '') == '' then
    Incident.set(inc, 'auto_impact', f.impact)
    Incident.set(inc, 'auto_urgency', f.urgency)
  end
  local target = Priority.rank(Settings.priority(impact, urgency))
  local auto = Settings.priority(f.auto_impact, f.auto_urgency)
  for _, name in ipairs({ 'floor_impact', 'floor_urgency', 'cap_impact', 'cap_urgency', 'cap_at' }) do
    Incident.set(inc, name, '')
  end
  if target > Priority.rank(auto) then
    Incident.set(inc, 'cap_impact', impact)
    Incident.set(inc, 'cap_urgency', urgency)
    Incident.set(inc, 'cap_at', auto)
  else
    Incident.set(inc, 'floor_impact', impact)
    Incident.set(inc, 'floor_urgency', urgency)
  end
  return show(inc, impact, urgency)
end

-- A candidate cell from an alert or the blast radius. What happened, as above, or false.
function Priority.consider(inc, impact, urgency)
  local f = inc.f
  local now_impact, now_urgency = Priority.computed(inc)
  if impact == now_impact and urgency == now_urgency then
    return false
  end
  local candidate = Priority.rank(Settings.priority(impact, urgency))
  if candidate >= Priority.rank(Settings.priority(now_impact, now_urgency)) then
    return false
  end
  Incident.fill(inc)
  if f.auto_impact then
    Incident.set(inc, 'auto_impact', impact)
    Incident.set(inc, 'auto_urgency', urgency)
    return Priority.apply(inc)
  end
  return show(inc, impact, urgency)
end

-- The blast radius reached an impact that leads to no higher priority: shown all the same.
function Priority.impact(inc, impact)
  if (Incident.fill(inc).f.auto_impact or '') ~= '' then
    Incident.set(inc, 'auto_impact', impact)
    return Priority.apply(inc)
  end
  return show(inc, impact, inc.f.urgency)
end

-- The higher of two impacts; either may be nil.
function Priority.higher(a, b)
  if not b or (a and Settings.LEVEL[a] >= Settings.LEVEL[b]) then
    return a
  end
  return b
end

end)
