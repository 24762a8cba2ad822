-- account_session - starts a session: a sign of life of the account, not of presence. Where there is no account it makes
-- one: a page that registers and starts a session at once must not lose the race.
-- Behind account_lib.lua.
-- ARGV after the common four: username, nonce, accounts_max, sessions_most (of a user), session_ttl_ms, token,
-- session_type, room_name ('': none)
-- Answers as account_lib.lua says: done, accounts-full.
--
-- At most `sessions_most` tokens of a user are kept, those that ended within ENDED_KEPT_MS included; these go first, then
-- the oldest.

if not epoch_holds() then return other_epoch() end
local id, nonce, accounts_max, sessions_most = ARGV[5], ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8])
local session_ttl_ms, token, session_type, room_name = tonumber(ARGV[9]), ARGV[10], ARGV[11], ARGV[12]
local result, created, displaced, now = answered_before(id, nonce), 0, 0, real_now()

local function make_room()
  local key = sessions_key(id)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', whole(now - ENDED_KEPT_MS - ENDED))
  redis.call('ZREMRANGEBYSCORE', key, '0', whole(now - session_ttl_ms))
  while redis.call('ZCARD', key) >= sessions_most do
    local oldest = redis.call('ZPOPMIN', key)
    redis.call('DEL', session_key(oldest[1]))
    if tonumber(oldest[2]) > 0 then displaced = displaced + 1 end
  end
end

local function start()
  if not has_account(id) then
    if not create_account(id, now, accounts_max) then return 'accounts-full' end
    created = 1
  end
  make_room()
  redis.call('HSET', session_key(token), 'username', id, 'session_type', session_type, 'room_name', room_name,
             'started_at', whole(now))
  redis.call('PEXPIRE', session_key(token), session_ttl_ms)
  redis.call('ZADD', sessions_key(id), whole(now), token)
  redis.call('PEXPIRE', sessions_key(id), session_ttl_ms)
  redis.call('HINCRBY', account_key(id), 'total_sessions', 1)
  touch_account(id, now)
  note_answer(id, nonce, 'done')
  return 'done'
end

return account_answer(result or start(), nil, created, displaced)
