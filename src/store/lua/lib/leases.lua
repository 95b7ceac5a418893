-- leases: senders whose word ran out. An entry of zset leases may be early (observe does not move it
-- with each receipt): the alert itself says until when its word holds.
local Leases = {}

local function run_out(ctx, id, fingerprints, horizon)
  local holder = Incident.exact(ctx, id)
  local inc = holder and Incident.load(ctx, id)
  local ended = {}
  if inc and inc.f.state ~= 'closed' then
    Incident.prefetch_alerts(holder, fingerprints)
  end
  for _, fingerprint in ipairs(fingerprints) do
    local a = inc and inc.f.state ~= 'closed' and Incident.alert(holder, fingerprint)
    if not a or a.state ~= 'firing' or a.lease == 0 then
      Incident.lease_drop(ctx, { id = id }, fingerprint)
    elseif a.lease > horizon then
      Incident.lease(ctx, holder, fingerprint, a.lease)
    else
      ended[#ended + 1] = fingerprint
    end
  end
  if #ended == 0 then
    return
  end
  Incident.fill(inc)
  ctx.n.stale = ctx.n.stale + #ended
  Timeline.add(inc, 'stale', 'clock', { alerts = #ended })
  local last = 0
  for _, fingerprint in ipairs(ended) do
    local a = holder.alerts[fingerprint]
    last = math.max(last, a.lease)
    Ending.ended(ctx, inc, holder, fingerprint, a, 'stale', last)
  end
end

function Leases.work(horizon)
  local members = redis.call('ZRANGEBYSCORE', B.base .. 'leases', '-inf', B.int(horizon),
    'LIMIT', 0, Work.budget)
  local by_id, order = {}, {}
  for _, member in ipairs(members) do
    local id, fingerprint = string.match(member, '^(.-)/(.+)$')
    id = id or ''
    local group = by_id[id]
    if not group then
      group = { members = {}, fingerprints = {} }
      by_id[id] = group
      order[#order + 1] = id
    end
    group.members[#group.members + 1] = member
    group.fingerprints[#group.fingerprints + 1] = fingerprint
  end
  for _, id in ipairs(order) do
    Work.unit('leases', by_id[id].members, function(ctx)
      if id == '' then
        error('not ID/FINGERPRINT')
      end
      run_out(ctx, id, by_id[id].fingerprints, horizon)
    end)
  end
  if #members == Work.budget then
    Work.more = true
  end
end
