-- teamevent: events of a team that belong to no incident, with the same fields as the others.
local TeamEvent = {}

-- An event of the team that belongs to no incident.
function TeamEvent.add(event, actor, more)
  redis.call('XADD', B.base .. 'events', 'MAXLEN', '~', '100000', '*',
    'at', B.int(B.now), 'event', event, 'incident', '', 'uid', '', 'version', '0', 'state', '',
    'priority', '', 'tier', '', 'actor', actor or 'triaged', 'title', '',
    'detail', more and next(more) and cjson.encode(more) or '')
end
