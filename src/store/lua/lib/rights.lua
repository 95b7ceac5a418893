-- rights: what our user of Redis may not do.
local Rights = {}

-- Whether an error says so. That is no fault of what is being done: it waits until the right is back
-- (prime.c asks), and is not given up.
function Rights.lack(err)
  local text = type(err) == 'table' and err.err or err
  return type(text) == 'string' and (string.find(text, "The user executing the script can't", 1, true)
    or string.find(text, 'ACL failure in script', 1, true)) ~= nil
end
