-- lib - what every transition script shares; it is put in front of each of them at build time.
--
-- The rules of presence live here and in settle_lib.lua, and nowhere else: here what a source of presence is and which
-- status a user is shown with; there what a transition writes, and how a source ends.
--
-- Glossary
--   source    one field of presence:meta:<id> that speaks for the user: 'e/<incarnation>' (everything one
--             edge says) or 'http/<socket_id>'. Value: '<number> <ends_at> <letters> <connections>'.
--   number    of the newest statement applied; an older or equal one changes nothing
--   ends_at   service time at which the source ends by itself, 0 while a lease holds it
--   letters   one status letter for each connection, '-' for none (a tombstone: see `retired` in statements.lua)
--   shown     the status that everybody sees: o(nline) a(way) b(usy) f (offline). 'i' is an input only.
--   leaves    of an HTTP source: its client said `offline`, and ends_at is soon: the same page's next load would be back
--             by then (heartbeat.lua). It speaks on until it ends; the last word of its connection says so
--   lingers   of a source: its last connection closed within OFFLINE_DEBOUNCE_MS, or after lost data, while other edges
--             had yet to say whether they have the user. It keeps the status that was shown
--             then as its letter, the word below in place of connections, and ends at ends_at unless the user is back
--   ended     of an incarnation: its lease is over and nobody is left under it; it never comes back
--   condemned of a connection: its user has logged in again since, and its edge is to close it (logins.lua).
--             presence:kicks:<incarnation>: user -> '<id> <id> ...', until that edge states them no longer
--
-- To add a kind of source: a prefix in `is_source`, its reason in `END_REASON` (settle_lib.lua), a script that sets its field.
--
-- ARGV of every script begins: epoch, ttl_ms, meta_ttl_ms, log_max. A script that finds another epoch changes
-- nothing and answers with the error 'EPOCH'. Numbers are answered as text: a Redis integer is no unix ms.

local EPOCH, SEQ, CLOCK, LOG = 'presence:epoch', 'presence:seq', 'presence:clock', 'presence:log'
local EDGES, INCARNATIONS, ENDS = 'presence:edges', 'presence:incarnations', 'presence:ends'
local ONLINE, SERVICES = 'presence:online', 'presence:services'
-- Who of presence:online is shown so: how many there are of each status is two SCARDs away, and membership, unlike a
-- counter, cannot drift.
local OF_STATUS = { a = 'presence:away', b = 'presence:busy' }
local REBUILD, AWAITED = 'presence:rebuild', 'presence:awaited'
local BEATS = 'presence:beats'  -- incarnation -> number of the newest beat that renewed its lease

local epoch, ttl_ms, meta_ttl_ms, log_max = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]

local LINGERS = 'lingers'
local LEAVES = ',"leaves"]]'

local function whole(number) return string.format('%.0f', number) end

local function epoch_holds()
  return redis.call('GET', EPOCH) == epoch
end

local function other_epoch()
  return redis.error_reply('EPOCH the data is of another one')  -- Redis puts ERR in front of a single word
end

local function current_seq()
  return redis.call('GET', SEQ) or '0'
end

-- Service time: advances only while somebody ticks (tick.lua). Leases and ends_at are in it. It begins at 1,
-- because an ends_at of 0 means none.
local function service_now()
  return tonumber(redis.call('HGET', CLOCK, 'now') or '1')
end

local function real_now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- How long ago the last tick was, in real time.
local function clock_age(real)
  return math.max(0, real - tonumber(redis.call('HGET', CLOCK, 'at') or real))
end

-- The service time at which an incarnation's lease ends or ended; nil where it holds none, or has ended.
local function lease_end_of(incarnation)
  return tonumber(redis.call('ZSCORE', EDGES, incarnation) or nil)
end

-- The fence: only an incarnation whose lease has not passed may write.
local function leased(incarnation, now)
  local lease_end = lease_end_of(incarnation)
  return lease_end ~= nil and lease_end > now
end

-- presence:incarnations keeps of each: '<floor> <edge> <successor>' (floor: of its statements; successor: the
-- incarnation that has taken its place, '-' for none, VOID where one has announced in its place: then nobody takes it any
-- more), or 'ended <service time>', so that a Join that was long under way cannot bring it back to life. Forgotten by
-- join.lua.
local VOID = 'void'

local function parse_incarnation(value)
  local floor, edge, successor = string.match(value, '^(%d+) (%S+) (%S+)$')
  if not floor then return nil end
  return { floor = tonumber(floor), edge = edge, successor = successor }
end

local function incarnation_info(incarnation)
  local value = redis.call('HGET', INCARNATIONS, incarnation)
  return value and parse_incarnation(value) or nil
end

local function set_incarnation_info(incarnation, info)
  redis.call('HSET', INCARNATIONS, incarnation, whole(info.floor) .. ' ' .. info.edge .. ' ' .. info.successor)
end

local function is_http(field) return string.sub(field, 1, 5) == 'http/' end

local function is_source(field)
  return string.sub(field, 1, 2) == 'e/' or is_http(field)
end

-- nil where somebody's hand has spoilt it.
local function parse_source(value)
  local number, ends_at, letters, connections = string.match(value, '^(%d+) (%d+) ([%a-]+) (.*)$')
  if not number then return nil end
  return { number = tonumber(number), ends_at = tonumber(ends_at), letters = letters, connections = connections }
end

local function format_source(source)
  return string.format('%.0f %.0f ', source.number, source.ends_at) .. source.letters .. ' ' .. source.connections
end

local function meta_key(user) return 'presence:meta:' .. user end
local function mirror_key(user) return 'presence:user:' .. user end
local function edge_key(incarnation) return 'presence:edge:' .. incarnation end
local function kicks_key(incarnation) return 'presence:kicks:' .. incarnation end

-- The connections of a source: a list of {id, device, opened_at}. Empty where they cannot be read.
local function connections_of(source)
  local list, readable, decoded = {}, pcall(cjson.decode, source.connections)
  if not readable or type(decoded) ~= 'table' then return list end
  for _, row in ipairs(decoded) do
    if type(row) == 'table' then
      list[#list + 1] = { id = tostring(row[1]), device = tostring(row[2]), opened_at = tonumber(row[3]) or 0 }
    end
  end
  return list
end

-- A user as one script call sees and changes them: `meta` and `sources` as they are, and what `settle` is to
-- write: `fields` (flat name, value list) and `gone` (names). Of sources that end here: `heartbeat_at`, the newest number
-- of those of HTTP, and `socket_ended`, whether there were others.
local function load_user(id)
  local flat = redis.call('HGETALL', meta_key(id))
  local user = { id = id, meta = {}, sources = {}, fields = {}, gone = {}, is_new = #flat == 0,
                 heartbeat_at = 0, socket_ended = false }
  for i = 1, #flat, 2 do
    local field, value = flat[i], flat[i + 1]
    if not is_source(field) then
      user.meta[field] = value
    else
      local source = parse_source(value)
      if source then user.sources[field] = source else user.gone[#user.gone + 1] = field end
    end
  end
  return user
end

local function set_field(user, field, value)
  user.fields[#user.fields + 1] = field
  user.fields[#user.fields + 1] = value
end

local function set_source(user, field, source)
  user.sources[field] = source
  set_field(user, field, format_source(source))
end

local function lingers(source) return source.connections == LINGERS end
local function leaves(source) return string.sub(source.connections, -#LEAVES) == LEAVES end

-- An empty statement, kept to refuse late ones.
local function set_tombstone(user, field, number)
  set_source(user, field, { number = number, ends_at = 0, letters = '-', connections = '[]' })
end

local function remove_source(user, field)
  user.sources[field] = nil
  user.gone[#user.gone + 1] = field
end

-- busy > online > away; no connection is offline; invisible on any connection hides the user.
local function shown_status(user)
  local all = ''
  for _, source in pairs(user.sources) do all = all .. source.letters end
  if string.find(all, 'i', 1, true) then return 'f' end
  if string.find(all, 'b', 1, true) then return 'b' end
  if string.find(all, 'o', 1, true) then return 'o' end
  if string.find(all, 'a', 1, true) then return 'a' end
  return 'f'
end

-- Whether anybody speaks for the user at all, shown or not.
local function is_connected(user)
  for _, source in pairs(user.sources) do
    if source.letters ~= '-' then return true end
  end
  return false
end

local function has_leased_connection(user, now)
  for field, source in pairs(user.sources) do
    if source.letters ~= '-' and not lingers(source) and string.sub(field, 1, 2) == 'e/' and
       leased(string.sub(field, 3), now) then
      return true
    end
  end
  return false
end

-- What can still be said of the last activity where the mirror, which knew it, is missing: the mirror goes one TTL
-- after the last activity, and there was activity when the shown status last changed. Heartbeats are dated; where a
-- socket speaks too, or ended just now, it may have been the one that was active last.
local function activity_without_mirror(user, real)
  local newest, heartbeat_at, by_socket = tonumber(user.meta.since or '0'), user.heartbeat_at, user.socket_ended
  for field, source in pairs(user.sources) do
    if is_http(field) then
      heartbeat_at = math.max(heartbeat_at, source.number)
    elseif source.letters ~= '-' then
      by_socket = true
    end
  end
  if heartbeat_at == 0 or by_socket then newest = math.max(newest, real - ttl_ms) end
  return math.max(newest, heartbeat_at)
end

local function set_mirror(id, active_at, real)
  redis.call('SET', mirror_key(id), whole(active_at), 'PX', whole(math.max(1, ttl_ms - (real - active_at))))
end

-- Refreshes the mirror of a user who is shown: its value is the newest activity (unix ms), its TTL runs from there.
-- Returns that activity. With `only_existing`, a missing mirror stays missing, and nil is returned.
local function refresh_mirror(id, active_at, real, only_existing)
  local px, before = whole(math.max(1, ttl_ms - (real - active_at))), nil
  if only_existing then
    before = redis.call('SET', mirror_key(id), whole(active_at), 'XX', 'PX', px, 'GET')
    if not before then return nil end
  else
    before = redis.call('SET', mirror_key(id), whole(active_at), 'PX', px, 'GET')
  end
  local newer = before and tonumber(before)
  if not newer or newer <= active_at then return active_at end
  set_mirror(id, newer, real)
  return newer
end

-- Puts back the mirror of a user who is shown and has none. True where that should not have happened: it was missing
-- under a live, leased connection.
local function restore_mirror(user, real, now)
  if shown_status(user) == 'f' then return false end
  if not redis.call('SET', mirror_key(user.id), whole(activity_without_mirror(user, real)), 'NX', 'PX', ttl_ms) then
    return false
  end
  return has_leased_connection(user, now)
end

-- Rebuilding (epoch.lua) lasts while presence:rebuild exists. presence:awaited: the incarnations that held a lease
-- when the epoch began and have not announced since -> the incarnation that has taken their place, '-' for none.
local function is_rebuilding()
  return redis.call('EXISTS', REBUILD)
end

-- Whether somebody may still announce (not where all have, or their leases are over, or too long is too long); and
-- whether the sweep holds still until then, a lease at most: an edge that has announced voids what it does not say any
-- more, and a user who had just gone from there to another would be offline until that one has announced too.
local function awaits_announcements(now)
  local rebuild = redis.call('HMGET', REBUILD, 'deadline', 'limit', 'complete')
  if not rebuild[1] or (rebuild[3] == '1' and redis.call('EXISTS', AWAITED) == 0) then return false, false end
  if tonumber(rebuild[1]) > now then return true, true end
  if tonumber(rebuild[2]) <= now then return false, false end
  local awaited = redis.call('HGETALL', AWAITED)
  for i = 1, #awaited, 2 do
    local successor = awaited[i + 1]
    if leased(successor ~= '-' and successor or awaited[i], now) then return true, false end
  end
  return false, false
end
