-- claims: entries that a responder read and never acknowledged. Noted with now when first seen
-- pending; after claim_after they are put back with reason `returned`, which keeps the clock.
local Claims = {}

local PAGE, PAGES_MAX = 100, 10

local function one(ctx, key, entry, consumer, claim_after)
  local found = redis.call('XRANGE', key, entry, entry)
  local fields, id = found[1] and found[1][2] or {}, nil
  for i = 1, #fields, 2 do
    if fields[i] == 'incident' then
      id = fields[i + 1]
    end
  end
  local inc = id and Incident.exact(ctx, id)
  if not inc or Incident.get(inc, 'entry') ~= entry then
    redis.call('XACK', key, Groups.NAME, entry)
    redis.call('XDEL', key, entry)
    Work.count('orphans')
    return
  end
  local claimed_at = Incident.number(inc, 'claimed_at')
  if claimed_at == 0 then
    Incident.set(inc, 'claimed_at', B.now)
    Incident.set(inc, 'claimed_by', consumer)
  elseif B.now - claimed_at >= claim_after then
    Incident.touch(inc)
    inc.requeue = 'returned'
    Work.count('returned')
    Timeline.add(inc, 'returned', 'clock', { claimed_by = inc.f.claimed_by })
  end
end

function Claims.work(claim_after)
  Groups.each(function(key)
    local from = '-'
    for _ = 1, PAGES_MAX do
      local pending = redis.pcall('XPENDING', key, Groups.NAME, from, '+', PAGE)
      if pending.err or #pending == 0 then
        return
      end
      for _, p in ipairs(pending) do
        from = '(' .. p[1]
        Work.unit('claims', { p[1] }, function(ctx)
          one(ctx, key, p[1], p[2], claim_after)
        end)
      end
      if #pending < PAGE then
        return
      end
    end
  end)
end
