-- rebudget: the configuration gave other times (SLA) than before: the clocks that run are given them, a
-- few incidents a tick. Settings field `rebudget`, which `settings` writes: {"old":[SLA table, …],
-- "at":SCORE,"passed":N}: what was in force until then (more than one if a load came before the last was
-- worked off), and how far on the board it has come: N of that score. A clock whose budget is none of
-- the old ones (a promised update, the earlier due time that a raise left) stays as it is.
local Rebudget = {}

local FIELD, PAGE = 'rebudget', 50

local function one(inc, old)
  local priority = Incident.fill(inc).f.priority
  local new = Settings.sla(priority)
  local named = Incident.get(inc, 'with_manager') ~= '' -- its clock is the repeated one by now
  Incident.touch(inc)
  for kind, c in pairs(Clocks.read(inc)) do
    local name = Clocks.KINDS[kind].sla
    local budget = name and new[name]
    for i = 1, budget and c.mark ~= Clocks.FIRED and not (named and kind == 'acknowledge') and #old or 0 do
      local was = old[i][priority]
      if was and was[name] == c.budget then
        c.budget = budget
        break
      end
    end
  end
end

function Rebudget.work()
  local key, text = B.base .. 'settings', Settings.text(FIELD)
  local todo = text ~= '' and B.json(text) or nil
  if todo then
    todo.at = tonumber(todo.at)
  end
  while todo and Work.left() do
    local page = redis.call('ZRANGEBYSCORE', B.base .. 'board', B.int(todo.at), '+inf', 'WITHSCORES',
      'LIMIT', B.int(todo.passed), PAGE)
    for i = 1, #page, 2 do
      local id, score = page[i], tonumber(page[i + 1])
      if not Work.left() then
        break
      end
      Work.unit(FIELD, { id }, function(ctx)
        local inc = Incident.exact(ctx, id)
        if inc then
          one(inc, todo.old)
        end
      end)
      todo.passed = (score == todo.at and todo.passed or 0) + 1
      todo.at = score
    end
    if #page == 0 then
      todo = nil
    end
  end
  if todo then
    redis.call('HSET', key, FIELD, cjson.encode({ old = todo.old, at = B.int(todo.at),
      passed = todo.passed }))
  elseif text ~= '' then
    redis.call('HDEL', key, FIELD)
  end
end
