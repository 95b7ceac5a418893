-- alerts: the stored form of an alert (hash alerts:ID): a JSON object whose changing members come
-- first in a fixed order, so that it is read by one pattern and written by concatenation.
--   {"state":"firing","count":3,"first_at":…,"last_at":…,"starts_at":…,"ends_at":…,"lease":…
--    [,"suppressed_until":…][,"senders":{"prom-a":1700000300000}] [,"labels":{…},…]}
-- lease 0: the sender's word holds for ever. Knows nothing of incidents.
local Alerts = {}

local alerts_head = '^{"state":"(%a+)","count":(%d+),"first_at":(%d+),"last_at":(%d+),'
  .. '"starts_at":(%d+),"ends_at":(%d+),"lease":(%d+)()'
local alerts_form = '{"state":"%s","count":%d,"first_at":%s,"last_at":%d,'
  .. '"starts_at":%s,"ends_at":%s,"lease":%d%s%s%s}'

-- nil when the text is not of that form (then the alert counts as unknown). first, starts and ends
-- stay as texts: most alerts are written back with them as they were.
function Alerts.parse(text)
  local state, count, first, last, starts, ends, lease, at = string.match(text, alerts_head)
  if not state then
    return nil
  end
  local a = {
    state = state, count = tonumber(count), first = first, last = tonumber(last),
    starts = starts, ends = ends, lease = tonumber(lease),
    muted = 0, text = text, at = at, raw = false, dirty = false,
  }
  -- what a decoder adds never begins with "s" ("labels" comes first): these two do
  if string.byte(text, at + 2) == 115 then
    local muted, senders, next_at
    muted, next_at = string.match(text, '^,"suppressed_until":(%d+)()', a.at)
    if muted then
      a.muted, a.at = tonumber(muted), next_at
    end
    senders, next_at = string.match(text, '^,"senders":{([^}]*)}()', a.at)
    if senders then
      a.at, a.senders = next_at, {}
      for name, till in string.gmatch(senders, '"([^"]*)":(%d+)') do
        a.senders[name] = tonumber(till)
      end
    end
  end
  return a
end

function Alerts.new(first, last)
  return {
    state = 'new', count = 0, first = B.int(first), last = last, starts = '0', ends = '0', lease = 0,
    muted = 0, senders = false, raw = '', dirty = true,
  }
end

-- What the decoder gave, without braces: "labels":{},…
function Alerts.raw(a)
  if a.raw then
    return a.raw
  end
  return string.byte(a.text, a.at) == 44 and string.sub(a.text, a.at + 1, -2) or ''
end

local function members(senders)
  local names, list = {}, {}
  for name in pairs(senders) do
    names[#names + 1] = name
  end
  table.sort(names)
  for i, name in ipairs(names) do
    list[i] = '"' .. name .. '":' .. B.int(senders[name])
  end
  return ',"senders":{' .. table.concat(list, ',') .. '}'
end

function Alerts.encode(a)
  local extra = ''
  if a.muted > 0 then
    extra = ',"suppressed_until":' .. B.int(a.muted)
  end
  if a.senders then
    extra = extra .. members(a.senders)
  end
  local raw = Alerts.raw(a)
  return string.format(alerts_form, a.state, a.count, a.first, a.last, a.starts, a.ends, a.lease,
    extra, raw ~= '' and ',' or '', raw)
end

-- Senders as keys of the head: whatever would break its pattern becomes "_".
local function sender_name(name)
  return (string.gsub(string.sub(name, 1, 200), '[%c"\\{}]', '_'))
end

local function longest(senders)
  local till = 0
  for _, t in pairs(senders) do
    if t == 0 then
      return 0
    end
    till = math.max(till, t)
  end
  return till
end

-- A sender says that it fires till `lease`. Single senders without pairs need no list.
-- "*" stands for what was said by webhooks.
function Alerts.said_firing(a, sender, pairs_too, lease, at)
  if not pairs_too then
    if a.senders then
      a.senders['*'] = lease
      a.lease = longest(a.senders)
    else
      a.lease = lease
    end
    return
  end
  if not a.senders then
    a.senders = {}
    if a.state == 'firing' and (a.lease == 0 or a.lease > at) then
      a.senders['*'] = a.lease
    end
  end
  local n = 0
  for name, till in pairs(a.senders) do
    if till > 0 and till <= at then
      a.senders[name] = nil
    else
      n = n + 1
    end
  end
  if n >= 16 and not a.senders[sender_name(sender)] then
    a.senders = { ['*'] = longest(a.senders) }
  end
  a.senders[sender_name(sender)] = lease
  a.lease = longest(a.senders)
end

-- A sender says that it is over; true when nobody else's word holds.
function Alerts.said_resolved(a, sender, pairs_too, at)
  if pairs_too and a.senders then
    a.senders[sender_name(sender)] = nil
    for name, till in pairs(a.senders) do
      if till > 0 and till <= at then
        a.senders[name] = nil
      end
    end
    if next(a.senders) then
      a.lease = longest(a.senders)
      return false
    end
  end
  a.senders = false
  return true
end
