-- account_lib - what the account_* scripts share; and heartbeat.lua and directory.lua with them; it is put between
-- lib.lua and each script that says so ('Behind') at build time.
--
-- Accounts are what the SmartTV overview calls users. Presence (lib.lua) knows nothing of them but one field:
--   presence:account:<username>   hash: display_name, device_type, metadata (JSON), created_at, last_seen (unix ms),
--                                 total_sessions, contacts_version (roster_lib.lua)
--   presence:active               ZSET: username -> last_seen, of every account
--   presence:contacts:<username>  hash: contact -> '<is_favorite 0|1> <added_at>'
--   presence:session:<token>      hash: username, session_type, room_name, started_at; ended_at once ended. Expires
--   presence:sessions:<username>  ZSET: token -> started_at, or ended_at - ENDED once ended, so that those go first
--   presence:asked:<username>     '<nonce>=<result> ...': the newest writes, and what came of them. Expires
--   presence:meta:<username>      has the field account = 1: it does not expire (settle in settle_lib.lua)
--
-- A write carries a nonce. Where http-api asks a second core because the first is silent, both carry it out, the first
-- perhaps minutes later, when it is awake again and newer writes have been made: a nonce that is known changes nothing,
-- and is answered as before.

local ACTIVE = 'presence:active'
local ASKED_MOST, ASKED_TTL_MS = 16, 3600000
local ENDED, ENDED_KEPT_MS = 1e13, 60000

local function account_key(id) return 'presence:account:' .. id end
local function contacts_key(id) return 'presence:contacts:' .. id end
local function session_key(token) return 'presence:session:' .. token end
local function sessions_key(id) return 'presence:sessions:' .. id end
local function asked_key(id) return 'presence:asked:' .. id end

local function has_account(id) return redis.call('EXISTS', account_key(id)) == 1 end

-- A sign of life of the account, not of the user's presence. It never goes back.
local function touch_account(id, at)
  if redis.call('ZADD', ACTIVE, 'GT', 'CH', whole(at), id) == 1 then
    redis.call('HSET', account_key(id), 'last_seen', whole(at))
  end
end

-- False where there are `most` already.
local function create_account(id, at, most)
  if redis.call('ZCARD', ACTIVE) >= most then return false end
  redis.call('HSET', account_key(id), 'device_type', 'smarttv', 'metadata', '{}', 'created_at', whole(at),
             'total_sessions', '0')
  redis.call('HSET', meta_key(id), 'account', '1')
  redis.call('PERSIST', meta_key(id))
  touch_account(id, at)
  return true
end

local function answered_before(id, nonce)
  return string.match(redis.call('GET', asked_key(id)) or '', nonce .. '=(%S+)')
end

local function note_answer(id, nonce, result)
  local kept = { nonce .. '=' .. result }
  for entry in string.gmatch(redis.call('GET', asked_key(id)) or '', '%S+') do
    if #kept < ASKED_MOST then kept[#kept + 1] = entry end
  end
  redis.call('SET', asked_key(id), table.concat(kept, ' '), 'PX', ASKED_TTL_MS)
end

-- Every account_* script answers {seq, rebuilding, result, accounts created, sessions displaced, {column, ...}}.
local function account_answer(result, flat, created, displaced)
  return { current_seq(), is_rebuilding(), result, created or 0, displaced or 0, flat or {} }
end
