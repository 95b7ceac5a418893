-- settings: what the configuration says, as the scripts use it: matrix, blast radius, SLA table.
-- Reads the hash settings, lazily, once a call; the built-in defaults serve a store that was wiped.
local Settings = B.lazy(function(Settings)

Settings.RANK = { P1 = 1, P2 = 2, P3 = 3, P4 = 4 }
Settings.LEVEL = { high = 3, medium = 2, low = 1 }
Settings.TIERS = { 'tier1', 'tier2', 'tier3', 'manager' }

Settings.MINUTE, Settings.HOUR, Settings.DAY = 60000, 3600000, 86400000

local settings_defaults = {
  matrix = '{"high":{"high":"P1","medium":"P2","low":"P3"},'
    .. '"medium":{"high":"P2","medium":"P3","low":"P4"},'
    .. '"low":{"high":"P3","medium":"P4","low":"P4"}}',
  blast_radius = '[{"systems":10,"impact":"medium"},{"systems":50,"impact":"high"}]',
  sla = '{"P1":{"acknowledge":300000,"reacknowledge":3600000,"tier2":1800000,"tier3":3600000,'
    .. '"update_every":1800000,"confirm":"required","confirm_within":172800000,"grace":1800000},'
    .. '"P2":{"acknowledge":900000,"reacknowledge":14400000,"tier2":7200000,"tier3":14400000,'
    .. '"update_every":3600000,"confirm":"required","confirm_within":172800000,"grace":3600000},'
    .. '"P3":{"acknowledge":14400000,"reacknowledge":86400000,"tier2":86400000,'
    .. '"tier3":259200000,"grace":14400000},'
    .. '"P4":{"acknowledge":86400000,"reacknowledge":259200000,"grace":86400000}}',
  flap = '{"reopens":3,"within":3600000,"settle":1800000}',
  problems = '{"recurs":3,"within":604800000,"systems":5}',
  automation = '{"uses":3}',
  heartbeats = '[]',
  retention = '7776000000',
  alerts_per_incident = '10000',
  claim_after = '120000',
  give_up = '900000',
  lead = '',
  manager = '',
}

local settings_text, settings_decoded

local function settings_load()
  local list = redis.call('HGETALL', B.base .. 'settings')
  settings_text, settings_decoded = {}, {}
  for i = 1, #list, 2 do
    settings_text[list[i]] = list[i + 1]
  end
end

function Settings.text(name)
  if not settings_text then
    settings_load()
  end
  local value = settings_text[name]
  if value == nil or value == '' then
    value = settings_defaults[name]
  end
  return value or ''
end

function Settings.number(name)
  return tonumber(Settings.text(name)) or tonumber(settings_defaults[name]) or 0
end

-- A decoded member; a broken one falls back to the default.
function Settings.table(name)
  local text = Settings.text(name)
  local value = settings_decoded[name]
  if not value then
    value = B.json(text) or cjson.decode(settings_defaults[name])
    settings_decoded[name] = value
  end
  return value
end

-- First part of incident ids: the team's id, else its name.
function Settings.team_id()
  local id = Settings.text('id')
  return id ~= '' and id or B.team
end

-- Total: whatever is missing in a matrix counts as the mildest.
function Settings.priority(impact, urgency)
  local row = Settings.table('matrix')[impact]
  local priority = row and row[urgency]
  return Settings.RANK[priority] and priority or 'P4'
end

function Settings.sla(priority)
  return Settings.table('sla')[priority] or {}
end

function Settings.confirm_required(priority)
  return Settings.sla(priority).confirm == 'required'
end

-- The highest impact that so many systems make, or nil.
function Settings.blast(systems)
  local best
  for _, row in ipairs(Settings.table('blast_radius')) do
    local level = Settings.LEVEL[row.impact]
    if level and systems >= (tonumber(row.systems) or math.huge) then
      if not best or level > Settings.LEVEL[best] then
        best = row.impact
      end
    end
  end
  return best
end

end)
