-- systems: which systems an incident affects. Field `systems` holds the first 100 names as a JSON
-- list and is the whole truth till then; beyond, set systems:ID holds all of them.
local Systems = B.lazy(function(Systems)

Systems.LISTED = 100

-- Adds a name; true when it is new.
function Systems.add(inc, name)
  if name == '' then
    return false
  end
  local count = Incident.number(inc, 'system_count')
  local list = Incident.get(inc, 'systems')
  local quoted = B.quote(name)
  if string.find(list, quoted, 1, true) then
    return false
  end
  inc.systems_new = inc.systems_new or {}
  if inc.systems_new[name] then
    return false
  end
  if count > Systems.LISTED and redis.call('SISMEMBER', B.base .. 'systems:' .. inc.id, name) == 1 then
    return false
  end
  if count < Systems.LISTED then
    list = list == '' and '[' .. quoted .. ']' or string.sub(list, 1, -2) .. ',' .. quoted .. ']'
    Incident.set(inc, 'systems', list)
  end
  inc.systems_new[name] = true
  Incident.set(inc, 'system_count', count + 1)
  return true
end

-- Writes the set once there are more names than the field lists.
function Systems.store(inc)
  if tonumber(inc.f.system_count) > Systems.LISTED then
    local key, names = B.base .. 'systems:' .. inc.id, {}
    for name in pairs(inc.systems_new) do
      names[#names + 1] = name
    end
    if redis.call('EXISTS', key) == 0 then
      for _, name in ipairs(B.json(inc.f.systems) or {}) do
        names[#names + 1] = name
      end
    end
    B.call_many('SADD', key, names)
  end
  inc.systems_new = nil
end

end)
