-- settle_lib - how users change: what a transition writes, and how a source ends. It is put behind lib.lua in front of the
-- scripts that say so ('Behind'); no other script makes a transition.

local END_REASON = { e = 'edge-lost', h = 'ttl-expired' }

-- One script call's work on many users, so that what can be said once in a call is said once: `settle` users
-- one by one, then `finish`.
local function open_batch()
  return { real = real_now(), seq = tonumber(current_seq()), records = {},
           online = {},  -- id -> whether in presence:online
           a = {}, b = {},  -- likewise in presence:away, presence:busy
           ends = {} }   -- id -> score in presence:ends, or false for none
end

-- The channels of the guide, in its terms: online and offline only.
local function publish(id, from, to, at)
  local was, is = (from == 'f') and 'offline' or 'online', (to == 'f') and 'offline' or 'online'
  if was == is then return end
  local message = '{"type":"presence_update","userId":' .. cjson.encode(id) .. ',"status":"' .. is ..
                  '","timestamp":' .. whole(at) .. '}'
  redis.call('PUBLISH', 'presence:updates', message)
  redis.call('PUBLISH', 'presence:' .. is, message)
end

-- The mirror of a user whose shown status changes to `to`; returns their last activity (unix ms).
local function turn_mirror(batch, user, to, active_at)
  local known
  if to == 'f' then
    known = tonumber(redis.call('GETDEL', mirror_key(user.id)) or nil)
  elseif active_at then
    return refresh_mirror(user.id, active_at, batch.real)
  elseif (user.meta.status or 'f') == 'f' then
    -- A source that hid them has ended: there was none, and nothing says when they were last active.
    return refresh_mirror(user.id, batch.real, batch.real)
  else
    known = tonumber(redis.call('GET', mirror_key(user.id)) or nil)
  end
  if known or active_at then return math.max(known or 0, active_at or 0) end
  return activity_without_mirror(user, batch.real)
end

-- Writes what has changed of a user, and makes the transition if that changes the shown status. `active_at` is the
-- newest sign of life that the caller heard of (unix ms), nil where it heard none. A record of the log is
-- '<seq> <from> <to> <at> <last_seen> <seq of the user's transition before, 0: none known> <reason> <edge> <user>'.
local function settle(batch, user, active_at, reason, edge)
  local key, from, to = meta_key(user.id), user.meta.status or 'f', shown_status(user)
  if from ~= to then
    local last_seen = turn_mirror(batch, user, to, active_at)
    batch.seq = batch.seq + 1
    if to == 'f' then set_field(user, 'lastSeen', whole(last_seen)) end
    if to == 'f' or from == 'f' then batch.online[user.id] = to ~= 'f' end
    if OF_STATUS[from] then batch[from][user.id] = false end
    if OF_STATUS[to] then batch[to][user.id] = true end
    set_field(user, 'status', to)
    set_field(user, 'since', whole(batch.real))
    set_field(user, 'seq', whole(batch.seq))
    batch.records[#batch.records + 1] = string.format('%.0f %s %s %.0f %.0f %s %s %s ', batch.seq, from, to, batch.real,
                                                      last_seen, user.meta.seq or '0', reason, edge) .. user.id
    publish(user.id, from, to, batch.real)
  elseif to ~= 'f' and active_at then
    refresh_mirror(user.id, active_at, batch.real)
  end
  if #user.gone > 0 then redis.call('HDEL', key, unpack(user.gone)) end
  if #user.fields > 0 then redis.call('HSET', key, unpack(user.fields)) end
  -- What is kept of somebody who is gone is not kept for ever, unless they have an account (account_lib.lua).
  if to == 'f' and not is_connected(user) and user.meta.account ~= '1' then
    redis.call('PEXPIRE', key, meta_ttl_ms)
  elseif from == 'f' and not user.is_new then
    redis.call('PERSIST', key)
  end
end

-- `ends` holds a user while something of theirs has an ends_at.
local function rescore_end(batch, user)
  local earliest = false
  for _, source in pairs(user.sources) do
    if source.ends_at > 0 and (not earliest or source.ends_at < earliest) then earliest = source.ends_at end
  end
  batch.ends[user.id] = earliest
end

-- A debounced close is over: what remains of it still refuses late statements, as long as its edge can make any.
local function end_lingering(user, field, number, now)
  local incarnation = string.sub(field, 3)
  if not leased(incarnation, now) then
    remove_source(user, field)
    return '-'
  end
  set_tombstone(user, field, number)
  return incarnation_info(incarnation).edge
end

-- Ends what is due of one user and looks at the rest: the whole of a sweep, and of a hint.
local function end_due_sources(batch, id, now)
  local user, reason, edge = load_user(id), nil, '-'
  for field, source in pairs(user.sources) do
    if source.ends_at > 0 and source.ends_at <= now then
      if lingers(source) then
        reason, edge = 'closed', end_lingering(user, field, source.number, now)
      else
        remove_source(user, field)
        if is_http(field) then
          user.heartbeat_at = math.max(user.heartbeat_at, source.number)
        else
          user.socket_ended = true
        end
        reason = leaves(source) and 'http-offline' or END_REASON[string.sub(field, 1, 1)]
      end
    end
  end
  if reason then settle(batch, user, nil, reason, edge) end
  rescore_end(batch, user)
  return user
end

-- The log takes nothing that is numbered below its end: then somebody has set the data back, and presence:seq with it.
-- What has changed stands all the same, and is told as soon as the beacon finds that out and begins a new epoch.
local function append_to_log(batch)
  local entry = {}
  for _, record in ipairs(batch.records) do
    entry[#entry + 1] = 't'
    entry[#entry + 1] = record
  end
  redis.pcall('XADD', LOG, 'MAXLEN', '~', log_max, epoch .. '-' .. whole(batch.seq), unpack(entry))
end

local function write_members(key, members)
  local add, remove = {}, {}
  for id, present in pairs(members) do
    local list = present and add or remove
    list[#list + 1] = id
  end
  if #add > 0 then redis.call('SADD', key, unpack(add)) end
  if #remove > 0 then redis.call('SREM', key, unpack(remove)) end
end

local function finish(batch)
  if #batch.records > 0 then
    redis.call('SET', SEQ, whole(batch.seq))
    append_to_log(batch)
  end
  local add, remove = {}, {}
  for id, present in pairs(batch.online) do
    if present then
      add[#add + 1] = 0
      add[#add + 1] = id
    else
      remove[#remove + 1] = id
    end
  end
  if #add > 0 then redis.call('ZADD', ONLINE, unpack(add)) end
  if #remove > 0 then redis.call('ZREM', ONLINE, unpack(remove)) end
  for letter, key in pairs(OF_STATUS) do write_members(key, batch[letter]) end
  add, remove = {}, {}
  for id, score in pairs(batch.ends) do
    if score then
      add[#add + 1] = whole(score)
      add[#add + 1] = id
    else
      remove[#remove + 1] = id
    end
  end
  if #add > 0 then redis.call('ZADD', ENDS, unpack(add)) end
  if #remove > 0 then redis.call('ZREM', ENDS, unpack(remove)) end
end
