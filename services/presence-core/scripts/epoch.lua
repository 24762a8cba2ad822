-- epoch - the beacon's question, and the one place where an epoch begins: is this still the data that everybody
-- has seen? Asked at each connection to Redis and every BEAT_INTERVAL_MS.
-- ARGV after the common four (whose epoch is not looked at): run_id, forced (1: the role of this Redis has
--   changed), seen_epoch, seen_seq (the highest position that this core or a peer of it has seen), lease_ms,
--   complete (1: this core has run for a lease or longer, so the incarnations that follow are all that lived),
--   incarnation, ...
-- Answers {epoch, seq, rebuilding, begun, clock_age_ms, now (Redis TIME in unix ms)}; `begun` 1 where a new epoch began
-- here.

local RUN_ID = 'presence:run_id'
local REBUILD_MOST_MS = 60000  -- service time, beyond the lease, for which an edge may take to announce

local run_id, forced, seen_epoch, seen_seq = ARGV[5], ARGV[6] == '1', tonumber(ARGV[7]), tonumber(ARGV[8])
local lease_ms, complete = tonumber(ARGV[9]), ARGV[10]
local current, seq = tonumber(redis.call('GET', EPOCH) or '0'), tonumber(current_seq())
local real = real_now()

local function may_be_lost()
  if current == 0 or redis.call('GET', RUN_ID) ~= run_id then return true end
  -- An epoch that is newer than all we know began after the role changed.
  if forced and current <= seen_epoch then return true end
  return seen_epoch > current or (seen_epoch == current and seen_seq > seq)
end

-- Rebuilding: until every edge that held a lease has announced again, or its lease has passed.
local function begin_rebuild(now)
  redis.call('DEL', REBUILD, AWAITED)
  redis.call('HSET', REBUILD, 'deadline', whole(now + lease_ms), 'limit', whole(now + lease_ms + REBUILD_MOST_MS),
             'complete', complete)
  for _, incarnation in ipairs(redis.call('ZRANGEBYSCORE', EDGES, '(' .. whole(now), '+inf')) do
    redis.call('HSET', AWAITED, incarnation, '-')
  end
  for i = 11, #ARGV do redis.call('HSET', AWAITED, ARGV[i], '-') end
  if complete == '1' and redis.call('EXISTS', AWAITED) == 0 then redis.call('DEL', REBUILD) end
end

local begun = 0
if may_be_lost() then
  begun = 1
  -- Numbers keep rising over epochs, so that what is left of an older one never looks newer.
  local last = redis.call('XREVRANGE', LOG, '+', '-', 'COUNT', 1)[1]
  seq = math.max(seq, seen_seq, last and tonumber(string.match(last[1], '-(%d+)$')) or 0)
  current = math.max(real, current + 1, seen_epoch + 1)
  redis.call('SET', EPOCH, whole(current))
  redis.call('SET', SEQ, whole(seq))
  redis.call('SET', RUN_ID, run_id)
  redis.call('HSETNX', CLOCK, 'now', whole(service_now()))
  redis.call('HSETNX', CLOCK, 'at', whole(real))
  begin_rebuild(service_now())
end
return { whole(current), whole(seq), is_rebuilding(), begun, whole(clock_age(real)), whole(real) }
