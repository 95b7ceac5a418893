-- items: the items of an `observe` call that are no mere repeats: what is known of them goes into the
-- plan, and Intake decides.
local Items = {}

-- Item `index`.
function Items.item(ctx, index, offset)
  local fingerprint, id, text, changed = Repeats.leave(index)
  if ctx.firing[fingerprint] == nil then
    ctx.firing[fingerprint] = id
  end
  local holder = text and Incident.exact(ctx, id)
  if holder and holder.alerts[fingerprint] == nil then
    local a = Alerts.parse(text) or false
    if a and changed then
      a.dirty = true
    end
    holder.alerts[fingerprint] = a
  end
  Intake.item(ctx, Observation.read(index, offset))
end

-- Loads in few calls what items from `from` on will ask for whose alerts do
-- not fire: the incidents of their keys.
function Items.prefetch(ctx, from, n)
  local keys, closed, seen = {}, {}, {}
  local wanted, order = {}, {}
  for i = from, n do
    local key = Observation.run(i)[2]
    if not Repeats.holder(i) and not seen[key] and key ~= '' then
      seen[key] = true
      keys[#keys + 1] = key
    end
  end
  Incident.prefetch(ctx, 'open', keys)
  for _, key in ipairs(keys) do
    if not ctx.open[key] then
      closed[#closed + 1] = key
    end
  end
  Incident.prefetch(ctx, 'last', closed)
  for i = from, n do
    local fingerprint = Observation.fingerprint(i)
    local id = not Repeats.holder(i) and ctx.open[Observation.run(i)[2]]
    if id and wanted[id] then
      wanted[id][#wanted[id] + 1] = fingerprint
    elseif id then
      wanted[id] = { fingerprint }
      order[#order + 1] = id
    end
  end
  for _, id in ipairs(order) do
    local holder = Incident.exact(ctx, id)
    if holder then
      Incident.prefetch_alerts(holder, wanted[id])
    end
  end
end
