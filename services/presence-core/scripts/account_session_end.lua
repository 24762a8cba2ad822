-- account_session_end - ends a session. That it ended is known for a while, so that who ends it twice is told so twice.
-- Behind account_lib.lua.
-- ARGV after the common four: token
-- Answers as account_lib.lua says: done, no-session.

if not epoch_holds() then return other_epoch() end
local token, now = ARGV[5], real_now()
local session = redis.call('HMGET', session_key(token), 'username', 'ended_at')
local id = session[1]
if not id then return account_answer('no-session') end
if not session[2] then
  redis.call('HSET', session_key(token), 'ended_at', whole(now))
  redis.call('PEXPIRE', session_key(token), ENDED_KEPT_MS, 'LT')
  redis.call('ZADD', sessions_key(id), 'XX', whole(now - ENDED), token)
  if has_account(id) then touch_account(id, now) end
end
return account_answer('done')
