-- work: the tick's units. Each piece of work is planned and written by itself, so that a broken one
-- never stops the others: it is parked (hash parked) and counted.
local Work = { budget = 0, done = 0, more = false, n = {} }

Work.PARKED_MAX = 1000

function Work.start(budget)
  Work.budget = math.max(1, math.min(budget, 10000))
end

function Work.count(name, n)
  Work.n[name] = (Work.n[name] or 0) + (n or 1)
end

-- False when the budget is used up.
function Work.left()
  if Work.done >= Work.budget then
    Work.more = true
    return false
  end
  return true
end

local function message(err)
  if type(err) == 'table' then
    return tostring(err.refused or err.err or cjson.encode(err))
  end
  return tostring(err)
end

local function park(zset, members, err)
  local key = B.base .. 'parked'
  for _, member in ipairs(members) do
    redis.call('ZREM', B.base .. zset, member)
    if redis.call('HLEN', key) < Work.PARKED_MAX then
      redis.call('HSET', key, zset .. ' ' .. member, B.int(B.now) .. ' ' .. message(err))
    end
  end
  Work.count('parked', #members)
end

-- Plans by fn(ctx) and writes. members: what stands for it in `zset`, taken out when it breaks.
function Work.unit(zset, members, fn)
  local ctx = Incident.context()
  ctx.seed = 'tick:' .. B.int(B.now) .. ':' .. tostring(members[1]) .. ':'
  local ok, err = pcall(function()
    fn(ctx)
    Write.all(ctx)
  end)
  Work.done = Work.done + #members
  if not ok and Rights.lack(err) then
    error(err, 0)
  elseif not ok then
    park(zset, members, err)
    return
  end
  for name, n in pairs(ctx.n) do
    if n > 0 then
      Work.count(name, n)
    end
  end
end
