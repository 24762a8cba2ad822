-- announced - an edge has stated all its users: whatever the incarnations before it said beyond that is void at
-- once, without a grace (proto: Announced).
-- ARGV after the common four: grace_ms, incarnation, replaces ('-': none)
-- Answers {1, seq}, or {0, seq} where the fence refuses.

if not epoch_holds() then return other_epoch() end
local grace_ms, incarnation, replaces = tonumber(ARGV[5]), ARGV[6], ARGV[7]
local now = service_now()
if not leased(incarnation, now) then return { 0, current_seq() } end

local all = redis.call('HGETALL', INCARNATIONS)
for i = 1, #all, 2 do
  local other, info = all[i], parse_incarnation(all[i + 1])
  -- Also the one that it names itself: a Join that came late may have given that one another successor.
  if info and (info.successor == incarnation or other == replaces) then
    info.successor = VOID
    set_incarnation_info(other, info)
    -- The sweep ends its users at lease end + grace, that is: now.
    redis.call('ZADD', EDGES, 'XX', 'LT', now - grace_ms, other)
  end
end
local awaited = redis.call('HGETALL', AWAITED)
for i = 1, #awaited, 2 do
  if awaited[i] == incarnation or awaited[i] == replaces or awaited[i + 1] == incarnation then
    redis.call('HDEL', AWAITED, awaited[i])
  end
end
return { 1, current_seq() }
