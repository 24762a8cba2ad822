-- heartbeat - HTTP clients say that they live, and as what (proto: Heartbeats). What comes is ordered by its arrival
-- here: the number of a source is the time at which it was heard.
-- Behind settle_lib.lua, account_lib.lua.
-- ARGV after the common four: api, number, floor, complete (1: this api has announced all it had heard before the data
-- was lost), http_ttl_ms, offline_delay_ms, then for each heartbeat (at most 100):
--   user, socket_id, letter ('f': the client goes), heard_at (unix ms, Redis time, before the data was lost; 0: now),
--   silence_ms (service time since then), first_heard (unix ms; 0: now)
-- Answers {1, seq, real_ms, clock_ms, records}; 1 also where it was carried out before: asking twice is harmless.

local APIS = 'presence:apis'       -- api -> '<service time> <floor> <number> ...', numbers above the floor carried out
local FORGET_API_MS = 3600000      -- service time for which a silent api is remembered
local SOURCES_MOST = 16            -- of one user; the oldest leaves

if not epoch_holds() then return other_epoch() end
local api, number, floor, complete = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8] == '1'
local http_ttl_ms, offline_delay_ms = tonumber(ARGV[9]), tonumber(ARGV[10])
local batch, now = open_batch(), service_now()

local function forget_silent_apis()
  local all = redis.call('HGETALL', APIS)
  for i = 1, #all, 2 do
    local at = tonumber(string.match(all[i + 1], '^(%d+) ') or '0')
    if at + FORGET_API_MS <= now then redis.call('HDEL', APIS, all[i]) end
  end
end

-- Whether this message was carried out, or given up, before: one that was long under way, by a core that stood still,
-- must not undo what came after it.
local function is_repeated()
  local known = redis.call('HGET', APIS, api)
  if not known then forget_silent_apis() end
  local known_floor, list = string.match(known or '', '^%d+ (%d+)(.*)$')
  known_floor = tonumber(known_floor or '0')
  if number <= known_floor then return true end
  local kept, newest_floor = '', math.max(known_floor, floor)
  for each in string.gmatch(list or '', '%d+') do
    if tonumber(each) == number then return true end
    if tonumber(each) > newest_floor then kept = kept .. ' ' .. each end
  end
  redis.call('HSET', APIS, api, whole(now) .. ' ' .. whole(newest_floor) .. kept .. ' ' .. whole(number))
  return false
end

-- The newest number of a user's HTTP sources. Where another one would be too many, the oldest of them goes; nil where
-- that would be the new one itself.
local function make_room(user, field, number_now)
  local newest, count, oldest = 0, 0, nil
  for other, source in pairs(user.sources) do
    if is_http(other) then
      newest, count = math.max(newest, source.number), count + 1
      if not oldest or source.number < user.sources[oldest].number then oldest = other end
    end
  end
  if not user.sources[field] and count >= SOURCES_MOST then
    if number_now <= user.sources[oldest].number then return nil end
    remove_source(user, oldest)
  end
  return newest
end

local function connections(socket_id, first_heard)
  return '[[' .. cjson.encode(socket_id) .. ',"",' .. whole(first_heard) .. ']]'
end

-- `offline` shortens what the source has left: the next page may load by then. One that does not speak says nothing.
local function leave(user, field, number_now, ends_at)
  local known = user.sources[field]
  local text = leaves(known) and known.connections or string.sub(known.connections, 1, -3) .. LEAVES
  set_source(user, field, { number = number_now, ends_at = math.max(1, math.min(known.ends_at, ends_at)),
                            letters = known.letters, connections = text })
end

-- Its connection, if it speaks: since when it does, and that it does not leave after all.
local function stays(known)
  if known.letters == '-' then return nil end
  return leaves(known) and string.sub(known.connections, 1, -#LEAVES - 1) .. ']]' or known.connections
end

local function speak(user, field, source)
  for other, known in pairs(user.sources) do
    if lingers(known) then set_tombstone(user, other, known.number) end
  end
  set_source(user, field, source)
end

-- A heartbeat is a sign of life of the account too, but of one who hides: lists of accounts would tell.
local function touch_account_of(user)
  local hides = shown_status(user) == 'f' and is_connected(user)
  if user.meta.account == '1' and not hides then touch_account(user.id, batch.real) end
end

local function hear(id, socket_id, letter)
  local user, field = load_user(id), 'http/' .. socket_id
  local known = user.sources[field]
  local number_now = math.max(batch.real, make_room(user, field, math.huge) + 1)
  if letter == 'f' then
    if known and known.letters ~= '-' then leave(user, field, number_now, now + offline_delay_ms) end
  else
    speak(user, field, { number = number_now, ends_at = now + http_ttl_ms, letters = letter,
                         connections = known and stays(known) or connections(socket_id, batch.real) })
  end
  touch_account_of(user)
  settle(batch, user, batch.real, letter == 'f' and 'http-offline' or 'http-heartbeat', '-')
  rescore_end(batch, user)
end

-- What an api heard before the data was lost, unless something newer is known. Who has left is kept as a tombstone, so
-- that another api, which heard them before that, brings nobody back.
local function announce(id, socket_id, letter, heard_at, silence_ms, first_heard)
  local user, field = load_user(id), 'http/' .. socket_id
  local known, left_ms = user.sources[field], http_ttl_ms - silence_ms
  if left_ms <= 0 or (known and known.number >= heard_at) or not make_room(user, field, heard_at) then return end
  if letter ~= 'f' then
    speak(user, field, { number = heard_at, ends_at = now + left_ms, letters = letter,
                         connections = connections(socket_id, first_heard) })
  elseif known and known.letters ~= '-' and silence_ms < offline_delay_ms then
    leave(user, field, heard_at, now + offline_delay_ms - silence_ms)
  else
    set_source(user, field, { number = heard_at, ends_at = now + left_ms, letters = '-', connections = '[]' })
  end
  settle(batch, user, heard_at, 'announced', '-')
  rescore_end(batch, user)
end

if not is_repeated() then
  for i = 11, #ARGV, 6 do
    local heard_at = tonumber(ARGV[i + 3])
    if heard_at == 0 then
      hear(ARGV[i], ARGV[i + 1], ARGV[i + 2])
    else
      announce(ARGV[i], ARGV[i + 1], ARGV[i + 2], math.min(heard_at, batch.real), tonumber(ARGV[i + 4]),
               tonumber(ARGV[i + 5]))
    end
  end
  if complete then redis.call('HDEL', AWAITED, api) end
  finish(batch)
end
return { 1, whole(batch.seq), whole(batch.real), whole(now), batch.records }
