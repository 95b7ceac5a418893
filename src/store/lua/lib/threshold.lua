-- threshold: observations counted before they make an incident. Key threshold:KEY holds the last
-- (time, n) pairs as text, oldest first, at most 1000: "SUM NEWEST PAIRS;time,n;…". Redis forgets it
-- by itself. In the common case a pair is put behind and old ones are taken off in front, so that
-- the cost does not grow with their number.
local Threshold = B.lazy(function(Threshold)

Threshold.PAIRS_MAX = 1000
local threshold_slack = 600000 -- a spool's delay: kept so much longer than the window

-- sum: of all pairs; newest: the last pair's time; text: ";time,n;time,n"; pairs: their number.
local function load(ctx, key)
  ctx.thresholds = ctx.thresholds or {}
  local t = ctx.thresholds[key]
  if not t then
    local text = redis.call('GET', B.base .. 'threshold:' .. key) or ''
    local sum, newest, n, at = string.match(text, '^(%d+) (%d+) (%d+)()')
    t = { sum = tonumber(sum) or 0, newest = tonumber(newest) or 0, pairs = tonumber(n) or 0,
          text = at and string.sub(text, at) or '', within = 0 }
    ctx.thresholds[key] = t
  end
  return t
end

-- A record that comes late: its place is somewhere before the newest.
local function insert(t, time, n)
  local out, placed = {}, false
  for at, count in string.gmatch(t.text, '(%d+),(%d+)') do
    if not placed and tonumber(at) > time then
      out[#out + 1] = B.int(time) .. ',' .. B.int(n)
      placed = true
    end
    out[#out + 1] = at .. ',' .. count
  end
  t.text = ';' .. table.concat(out, ';')
end

local function take_off(t, before)
  local at = 1
  while t.pairs > 0 do
    local time, n, next_at = string.match(t.text, '^;(%d+),(%d+)()', at)
    if not time then
      t.text, t.sum, t.pairs = '', 0, 0
      return
    end
    if tonumber(time) > before and t.pairs <= Threshold.PAIRS_MAX then
      break
    end
    t.sum, t.pairs, at = t.sum - tonumber(n), t.pairs - 1, next_at
  end
  if at > 1 then
    t.text = string.sub(t.text, at)
  end
end

-- Counts an observation. nil while the count is not reached; else what opening takes over:
-- the counts inside the window and the time of the first of them.
function Threshold.reach(ctx, o)
  local t = load(ctx, o.threshold_key)
  local within = o.threshold_within
  t.within, t.changed = math.max(within, t.within), true
  if o.last >= t.newest or t.pairs == 0 then
    t.text = t.text .. ';' .. B.int(o.last) .. ',' .. B.int(o.count)
    t.newest = o.last
  else
    insert(t, o.last, o.count)
  end
  t.sum, t.pairs = t.sum + o.count, t.pairs + 1
  take_off(t, t.newest - within)
  if t.sum < o.threshold_count then
    return nil
  end
  local first = tonumber(string.match(t.text, '^;(%d+)')) or o.last
  local taken = { count = t.sum, first = math.min(first, o.first) }
  t.sum, t.newest, t.pairs, t.text = 0, 0, 0, ''
  return taken
end

function Threshold.store(ctx)
  for key, t in pairs(ctx.thresholds) do
    local name = B.base .. 'threshold:' .. key
    if t.changed then
      if t.pairs == 0 then
        redis.call('DEL', name)
      else
        redis.call('SET', name, string.format('%d %d %d%s', t.sum, t.newest, t.pairs, t.text),
          'PX', B.int(t.within + threshold_slack))
      end
      t.changed = false
    end
  end
end

end)
