-- intake: what an observation does to alerts and incidents. Decides in the plan, writes nothing.
-- A holder is the incident whose alerts hash holds an alert; the incident may be another one after
-- a merge (merging leaves alerts where they are).
local Intake = {}

-- An alert that fires already.
local function again(ctx, inc, holder, a, o)
  if o.count > 0 then
    if o.last < a.last then
      Receipt.late(ctx, inc, a, o)
      return
    end
    Receipt.count(inc, a, o)
    Receipt.said(ctx, inc, holder, a, o)
    Receipt.present(a, o)
    a.ends = 0
    ctx.n.updated = ctx.n.updated + 1
    if o.impact ~= inc.f.impact or o.urgency ~= inc.f.urgency then
      Receipt.consider(ctx, inc, o.impact, o.urgency, { alert = o.fingerprint })
    end
  end
  if o.suppress ~= '' or a.muted > 0 then
    local till, names = Suppression.windows(o)
    Suppression.mute(inc, a, till, names)
    Suppression.sync(inc)
  end
end

local function firing(ctx, o)
  local id = Incident.look(ctx, 'firing', o.fingerprint)
  local inc = id and Incident.load(ctx, id)
  if inc and inc.f.state ~= 'closed' then
    local holder = Incident.exact(ctx, id)
    local a = Incident.alert(holder, o.fingerprint)
    if a and a.state == 'firing' then
      again(ctx, inc, holder, a, o)
      return
    end
  end
  Joining.fires(ctx, o)
end

-- One item of `observe`.
function Intake.item(ctx, o)
  if o.state == 'firing' then
    firing(ctx, o)
  elseif o.state == 'beat' then
    Beats.beat(ctx, o, Intake.item)
  else
    Ending.resolved(ctx, o)
  end
end

-- Loads in few calls what the items will ask for.
function Intake.prefetch(ctx, items)
  local names, keys, seen = {}, {}, {}
  for _, o in ipairs(items) do
    if not seen[o.fingerprint] and o.state ~= 'beat' then
      seen[o.fingerprint] = true
      names[#names + 1] = o.fingerprint
    end
  end
  Incident.prefetch(ctx, 'firing', names)
  seen = {}
  for _, o in ipairs(items) do
    if o.state == 'firing' and not ctx.firing[o.fingerprint] and not seen[o.key] then
      seen[o.key] = true
      keys[#keys + 1] = o.key
    end
  end
  Incident.prefetch(ctx, 'open', keys)
  local wanted, order = {}, {}
  seen = {}
  for _, o in ipairs(items) do
    local fingerprint = o.fingerprint
    local id = not seen[fingerprint] and (ctx.firing[fingerprint] or ctx.open[o.key])
    if id then
      seen[fingerprint] = true
      local list = wanted[id]
      if not list then
        list = {}
        wanted[id] = list
        order[#order + 1] = id
      end
      list[#list + 1] = fingerprint
    end
  end
  for _, id in ipairs(order) do
    local holder = Incident.exact(ctx, id)
    if holder then
      Incident.prefetch_alerts(holder, wanted[id])
    end
  end
end
