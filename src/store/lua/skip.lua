#!lua
-- skip: moves `applied` past a record that was refused for its own sake (it is in the dead-letter
-- file). KEYS 1: any key of the team. ARGV: now, stream, seq, prev. Reply: OK seq | SKIP n | GAP n.
--@include lib/base.lua

return B.guard(function()
  local stream, seq, prev = B.stream_argument(2), B.argument(3, 'seq'), B.argument(4, 'prev')
  local refused = B.sequence(stream, seq, prev)
  if refused then
    return refused
  end
  B.applied(stream, seq)
  return { 'OK', seq }
end)
