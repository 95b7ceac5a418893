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
    a.ends = '0'
    ctx.n.updated = ctx.n.updated + 1
    Receipt.consider(ctx, inc, o.impact, o.urgency, { alert = o.fingerprint })
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

-- An observation as a table: item of `observe`, or a heartbeat's.
function Intake.item(ctx, o)
  if o.state == 'firing' then
    firing(ctx, o)
  elseif o.state == 'beat' then
    Beats.beat(ctx, o, Intake.item)
  else
    Ending.resolved(ctx, o)
  end
end

-- Item `index` of the call's arguments; most are one more receipt of what fires already.
function Intake.argument(ctx, index, offset)
  local at = Observation.HEADER + (index - 1) * Observation.FIELDS
  local fingerprint = ARGV[at + 1]
  local id = ctx.firing[fingerprint]
  local holder = id and offset == 0 and ctx.by_id[id]
  local a = holder and holder.alerts[fingerprint]
  if a and a.state == 'firing' and a.muted == 0 and ARGV[at + 3] == 'firing'
    and ARGV[at + 18] == '' then
    local inc = holder.f.merged_into and Incident.load(ctx, id) or holder
    local f = inc.f
    if f.state ~= 'closed' and not Receipt.above(f, ARGV[at + 14], ARGV[at + 15])
      and Receipt.repeated(ctx, inc, holder, a, at) then
      return
    end
  end
  Intake.item(ctx, Observation.read(index, offset))
end

-- Loads in few calls what the n items will ask for.
function Intake.prefetch(ctx, n)
  local names, seen = {}, {}
  local first, step = Observation.HEADER + 1, Observation.FIELDS
  for at = first, first + (n - 1) * step, step do
    local fingerprint = ARGV[at]
    if not seen[fingerprint] then
      seen[fingerprint] = true
      names[#names + 1] = fingerprint
    end
  end
  Incident.prefetch(ctx, 'firing', names)
  local keys, seen_key, firing_ids = {}, {}, ctx.firing
  for at = first, first + (n - 1) * step, step do
    local key = ARGV[at + 1]
    if not firing_ids[ARGV[at]] and not seen_key[key] and key ~= '' then
      seen_key[key] = true
      keys[#keys + 1] = key
    end
  end
  Incident.prefetch(ctx, 'open', keys)
  local wanted, order = {}, {}
  for at = first, first + (n - 1) * step, step do
    local fingerprint = ARGV[at]
    local id = seen[fingerprint] and (firing_ids[fingerprint] or ctx.open[ARGV[at + 1]])
    if id then
      seen[fingerprint] = false
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
