-- groups: the 16 queue streams of a team and their consumer group, made wherever they are missing.
local Groups = {}

Groups.NAME = 'responders'

function Groups.each(fn)
  for _, tier in ipairs(Settings.TIERS) do
    for priority in pairs(Settings.RANK) do
      fn(B.base .. 'queue:' .. tier .. ':' .. priority)
    end
  end
end

-- From "0": an entry that was added before the group existed is still to be taken.
function Groups.make()
  Groups.each(function(key)
    redis.pcall('XGROUP', 'CREATE', key, Groups.NAME, '0', 'MKSTREAM')
  end)
end
