-- beat - a process lives; an edge's lease is renewed (proto: Beat).
-- ARGV after the common four: lease_ms, incarnation ('-': none), name, process (JSON), kicks (1: say whom its edge
--   still has to close, see logins.lua), number (proto: Beat)
-- Answers {1, seq, rebuilding, {user, '<id> <id> ...', ...}}; {0, seq, rebuilding, {}} where the incarnation named
-- holds no lease any more.

local SERVICES_MAX = 1000  -- services.lua drops the silent ones
local KICKS_MOST = 100     -- any of them: all have their turn

if not epoch_holds() then return other_epoch() end
local lease_ms, incarnation, name, process = tonumber(ARGV[5]), ARGV[6], ARGV[7], ARGV[8]
if redis.call('HLEN', SERVICES) < SERVICES_MAX or redis.call('HEXISTS', SERVICES, name) == 1 then
  redis.call('HSET', SERVICES, name, whole(real_now()) .. ' ' .. process)
end
local number = tonumber(ARGV[10])
local held, now, kicks = 1, service_now(), {}
if incarnation ~= '-' then
  if leased(incarnation, now) then
    -- One that was long under way, by a core that stood still, says nothing about now.
    if number > tonumber(redis.call('HGET', BEATS, incarnation) or '-1') then
      redis.call('HSET', BEATS, incarnation, whole(number))
      redis.call('ZADD', EDGES, now + lease_ms, incarnation)
    end
    if ARGV[9] == '1' then kicks = redis.call('HRANDFIELD', kicks_key(incarnation), KICKS_MOST, 'WITHVALUES') end
  else
    held = 0
  end
end
return { held, current_seq(), is_rebuilding(), kicks }
