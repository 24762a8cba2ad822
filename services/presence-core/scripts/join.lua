-- join - an edge takes a lease under a fresh incarnation (proto: Join).
-- ARGV after the common four: lease_ms, incarnation, edge, replaces ('-': none)
-- Answers {1, seq}, or {0, seq} for an incarnation that has lived before: a Join may be said again, but one that
-- was long under way brings nobody back to life.
-- The replaced incarnation is fenced from here on; its users stay as they are until they are announced again
-- (announced.lua), or until the new lease is lost too.

local FORGET_MS = 60000  -- service time for which an incarnation that has ended is remembered

if not epoch_holds() then return other_epoch() end
local lease_ms, incarnation, edge, replaces = tonumber(ARGV[5]), ARGV[6], ARGV[7], ARGV[8]
local now = service_now()

local known = redis.call('HGET', INCARNATIONS, incarnation)
if known then return { leased(incarnation, now) and 1 or 0, current_seq() } end

local all = redis.call('HGETALL', INCARNATIONS)
for i = 1, #all, 2 do
  local other, info = all[i], parse_incarnation(all[i + 1])
  if not info then
    local ended_at = tonumber(string.match(all[i + 1], '^ended (%d+)$') or '0')
    if ended_at + FORGET_MS <= now then redis.call('HDEL', INCARNATIONS, other) end
  elseif replaces ~= '-' and (other == replaces or info.successor == replaces) and info.successor ~= VOID then
    -- Also what the replaced one was itself still taking over.
    info.successor = incarnation
    set_incarnation_info(other, info)
    redis.call('ZADD', EDGES, 'XX', 'LT', now, other)
  end
end
local awaited = redis.call('HGETALL', AWAITED)
for i = 1, #awaited, 2 do
  if replaces ~= '-' and (awaited[i] == replaces or awaited[i + 1] == replaces) then
    redis.call('HSET', AWAITED, awaited[i], incarnation)
  end
end

set_incarnation_info(incarnation, { floor = 0, edge = edge, successor = '-' })
redis.call('ZADD', EDGES, now + lease_ms, incarnation)
return { 1, current_seq() }
