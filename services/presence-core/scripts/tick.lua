-- tick - advances the service clock, then does one bounded step of what is due: users of edges whose lease is
-- over are put on their grace, sources whose ends_at has passed end (proto: Tick). With time to spare it looks, in
-- turn, at whether those who are shown have their mirror: an expiry that nobody heard of is found here. And once a
-- second at whether they are counted as what they are shown, which only somebody's hand or an older version can spoil.
-- Behind settle_lib.lua.
-- ARGV after the common four: grace_ms, step (most users in one call)
-- Answers {clock_ms, seq, suspended, ended, more, records, restored}.

local ADVANCE_MOST_MS = 1000  -- at once: time that nobody watched is not counted as silence
local EDGES_A_TICK = 1000
local STATUSES_EACH_MS = 1000

if not epoch_holds() then return other_epoch() end
local grace_ms, step = tonumber(ARGV[5]), tonumber(ARGV[6])
local batch = open_batch()

local before = service_now()
local now = before + math.min(ADVANCE_MOST_MS, clock_age(batch.real))
redis.call('HSET', CLOCK, 'now', whole(now), 'at', whole(batch.real))

local awaited, held = awaits_announcements(now)
if held then step = 0 end

-- The grace runs from when its users' edge was lost: an incarnation that was being replaced lives on in the one that
-- replaces it.
local function suspend(incarnation, info, lease_end, most)
  local successor_end = info and info.successor ~= '-' and lease_end_of(info.successor)
  local ends_at = math.max(lease_end, successor_end or lease_end) + grace_ms
  local ids, field = redis.call('SPOP', edge_key(incarnation), most), 'e/' .. incarnation
  for _, id in ipairs(ids) do
    local value = redis.call('HGET', meta_key(id), field)
    local source = value and parse_source(value)
    if source then
      source.ends_at = ends_at
      redis.call('HSET', meta_key(id), field, format_source(source))
      redis.call('ZADD', ENDS, 'LT', whole(ends_at), id)
    end
  end
  return #ids
end

local function suspend_lost_edges()
  local suspended = 0
  local over = redis.call('ZRANGEBYSCORE', EDGES, '-inf', now, 'WITHSCORES', 'LIMIT', 0, EDGES_A_TICK)
  for i = 1, #over, 2 do
    local incarnation, lease_end = over[i], tonumber(over[i + 1])
    if suspended >= step then break end
    local info = incarnation_info(incarnation)
    -- Its successor is announcing the same users: leave them alone as long as that one lives.
    if not (info and info.successor ~= '-' and leased(info.successor, now)) then
      suspended = suspended + suspend(incarnation, info, lease_end, step - suspended)
      if redis.call('EXISTS', edge_key(incarnation)) == 0 then
        redis.call('ZREM', EDGES, incarnation)
        redis.call('DEL', kicks_key(incarnation))
        redis.call('HDEL', BEATS, incarnation)
        redis.call('HSET', INCARNATIONS, incarnation, 'ended ' .. whole(now))
        redis.call('HDEL', AWAITED, incarnation)
      end
    end
  end
  return suspended
end

-- Who is in presence:away or presence:busy and should not be, or the reverse: by somebody's hand, or since a version
-- that kept no such sets.
local function verify_statuses(ids)
  local is_in, members = {}, { a = {}, b = {} }
  for letter, key in pairs(OF_STATUS) do is_in[letter] = redis.call('SMISMEMBER', key, unpack(ids)) end
  for i, id in ipairs(ids) do
    local status = redis.call('HGET', meta_key(id), 'status')
    for letter in pairs(OF_STATUS) do
      if (is_in[letter][i] == 1) ~= (status == letter) then members[letter][id] = status == letter end
    end
  end
  for letter, key in pairs(OF_STATUS) do write_members(key, members[letter]) end
end

-- The next ones of those who are shown; `field` of the clock says who was looked at last.
local function next_online(field, most)
  local after = redis.call('HGET', CLOCK, field) or ''
  local ids = redis.call('ZRANGE', ONLINE, after == '' and '-' or '(' .. after, '+', 'BYLEX', 'LIMIT', 0, most)
  local last = #ids < most and '' or ids[#ids]
  if last ~= after then redis.call('HSET', CLOCK, field, last) end
  return ids
end

local function verify_mirrors(most)
  local ids = next_online('verified', most)
  local keys, restored = {}, 0
  for _, id in ipairs(ids) do keys[#keys + 1] = mirror_key(id) end
  if #ids == 0 or redis.call('EXISTS', unpack(keys)) == #ids then return 0 end
  for i, id in ipairs(ids) do
    if redis.call('EXISTS', keys[i]) == 0 and restore_mirror(load_user(id), batch.real, now) then
      restored = restored + 1
    end
  end
  return restored
end

local suspended = suspend_lost_edges()
local due = redis.call('ZRANGEBYSCORE', ENDS, '-inf', now, 'LIMIT', 0, step - suspended)
for _, id in ipairs(due) do end_due_sources(batch, id, now) end
finish(batch)
local spare = step - suspended - #due
local restored = spare > 0 and verify_mirrors(spare) or 0
if spare > 0 and now - now % STATUSES_EACH_MS > before then
  local ids = next_online('counted', spare)
  if #ids > 0 then verify_statuses(ids) end
end
local more = (step > 0 and spare <= 0) and 1 or 0
-- Rebuilding ends here and nowhere else: what the data said, and those who have announced do not say any more, has to be
-- gone before anybody looks.
if not awaited and more == 0 then redis.call('DEL', REBUILD, AWAITED) end
return { whole(now), whole(batch.seq), suspended, #due, more, batch.records, restored }
