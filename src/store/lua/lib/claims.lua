-- claims: entries that a responder read and never acknowledged. Noted with now when first seen
-- pending; after claim_after they are put back with reason `returned`, which keeps the clock.
-- Settings field `claims` ("QUEUE ENTRY") is where the next tick goes on, so that ten thousand entries
-- that somebody took at once cost no tick more than LOOKS.
local Claims = {}

local PAGE, LOOKS = 100, 400

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

-- Was it noted already, and is it too early to put it back? Most are.
local function waits(key, entry, claim_after)
  local found = redis.call('XRANGE', key, entry, entry)
  local fields = found[1] and found[1][2] or {}
  if fields[1] ~= 'incident' then -- the first field of every entry of ours
    return false
  end
  local read = redis.call('HMGET', B.base .. 'incident:' .. fields[2], 'entry', 'claimed_at')
  local claimed_at = tonumber(read[2] or nil)
  return read[1] == entry and claimed_at ~= nil and B.now - claimed_at < claim_after
end

-- One queue from `from` on, as far as `looks` goes: what is left of them, and where it stopped.
local function queue(key, from, looks, claim_after)
  while looks > 0 and Work.left() do
    local pending = redis.pcall('XPENDING', key, Groups.NAME, from, '+', math.min(PAGE, looks))
    if pending.err or #pending == 0 then
      return looks, nil
    end
    for _, p in ipairs(pending) do
      if not waits(key, p[1], claim_after) then
        if not Work.left() then
          return 0, from
        end
        Work.unit('claims', { p[1] }, function(ctx)
          one(ctx, key, p[1], p[2], claim_after)
        end)
      end
      from = '(' .. p[1]
    end
    looks = looks - #pending
    if #pending < PAGE and looks > 0 then
      return looks, nil
    end
  end
  return 0, from
end

function Claims.work(claim_after)
  local at, entry = string.match(Settings.text('claims'), '^(%S+) (%S+)$')
  local looks, stopped, keys = LOOKS, nil, {}
  Groups.each(function(key)
    keys[#keys + 1] = key
  end)
  table.sort(keys)
  for _, key in ipairs(keys) do
    local name = string.sub(key, #B.base + 7) -- behind "queue:"
    if not at or name >= at then
      local left, from = queue(key, name == at and entry or '-', looks, claim_after)
      looks = left
      if from then
        stopped = name .. ' ' .. from
        break
      end
    end
  end
  if stopped then
    redis.call('HSET', B.base .. 'settings', 'claims', stopped)
  elseif at then -- from the first queue again
    redis.call('HDEL', B.base .. 'settings', 'claims')
  end
end
