-- luacheck: libraries are tables that an entry file puts together (see embed.py).
std = 'lua51'
max_line_length = 110
read_globals = { 'redis', 'cjson', 'KEYS', 'ARGV' }
local libraries = {
  'B', 'Settings', 'Alerts', 'Incident', 'Timeline', 'Clocks', 'Queue', 'Systems', 'Problems',
  'Priority', 'States', 'Suppression', 'Threshold', 'Observation', 'Heartbeats', 'Beats', 'Intake',
  'Write', 'Horizon', 'Leases', 'Due', 'Claims', 'Retention', 'Verbs', 'Requests', 'Records',
  'Groups', 'TeamEvent', 'Work', 'Receipt', 'Joining', 'Ending', 'Repeats', 'Items', 'Recall', 'Rebudget',
  'Streams', 'Rights',
}
files['*.lua'].read_globals = libraries
files['lib/*.lua'].globals = libraries
-- a library is a local table that only other files read
files['lib/*.lua'].ignore = { '211', '241', '431', '432' }
