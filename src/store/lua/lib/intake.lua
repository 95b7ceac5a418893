-- intake: what an observation does to alerts and incidents. Decides in the plan, writes nothing.
-- A holder is the incident whose alerts hash holds an alert; the incident may be another one after
-- a merge (merging leaves alerts where they are).
local Intake = {}

local argv = ARGV
local HEADER, FIELDS = Observation.HEADER, Observation.FIELDS

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
  local at = HEADER + (index - 1) * FIELDS
  local fingerprint = argv[at + 1]
  local id = ctx.firing[fingerprint]
  local holder = id and offset == 0 and ctx.by_id[id]
  local a = holder and holder.alerts[fingerprint]
  if a and a.state == 'firing' and a.muted == 0 and argv[at + 3] == 'firing'
    and argv[at + 18] == '' then
    local inc = holder.f.merged_into and Incident.load(ctx, id) or holder
    local f = inc.f
    if f.state ~= 'closed' and not Receipt.above(f, argv[at + 14], argv[at + 15])
      and Receipt.repeated(ctx, inc, holder, a, at) then
      return
    end
  end
  Intake.item(ctx, Observation.read(index, offset))
end

-- Loads in few calls what the n items will ask for.
function Intake.prefetch(ctx, n)
  local names, seen = {}, {}
  local first, to, step = HEADER + 1, HEADER + n * FIELDS, FIELDS
  for at = first, to, step do
    local fingerprint = argv[at]
    if not seen[fingerprint] then
      seen[fingerprint] = true
      names[#names + 1] = fingerprint
    end
  end
  Incident.prefetch(ctx, 'firing', names)
  local keys, seen_key, firing_ids = {}, {}, ctx.firing
  for at = first, to, step do
    local key = argv[at + 1]
    if not firing_ids[argv[at]] and not seen_key[key] and key ~= '' then
      seen_key[key] = true
      keys[#keys + 1] = key
    end
  end
  Incident.prefetch(ctx, 'open', keys)
  local closed = {}
  for _, key in ipairs(keys) do
    if not ctx.open[key] then
      closed[#closed + 1] = key
    end
  end
  Incident.prefetch(ctx, 'last', closed)
  local wanted, order = {}, {}
  for at = first, to, step do
    local fingerprint = argv[at]
    local id = seen[fingerprint] and (firing_ids[fingerprint] or ctx.open[argv[at + 1]])
    if id then
      seen[fingerprint] = false
      local list = wanted[id]
      if not list then
        wanted[id] = { fingerprint }
        order[#order + 1] = id
      else
        list[#list + 1] = fingerprint
      end
    end
  end
  for _, id in ipairs(order) do
    local holder = Incident.exact(ctx, id)
    if holder then
      Incident.prefetch_alerts(holder, wanted[id])
    end
  end
end
