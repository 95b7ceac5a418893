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
