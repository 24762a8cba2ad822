-- group - a user joins a group or leaves it (proto: GroupChange).
-- Behind roster_lib.lua.
-- ARGV after the common four: user, group, joins (1, 0), groups_per_user, group_members_max, void_after (Redis TIME in
-- unix ms; 0: never), memberships_max
-- Answers {seq, result, memberships (of all users in all groups)}. Results: 'done' (also where nothing was to be done),
-- 'too-many' (the user is in groups_per_user others), 'full' (group_members_max others are in it), 'no-room' (memberships_max in all groups); 'late' where it is void: its edge
-- has told the client that it may not have been done, and what the client did then must stand.

if not epoch_holds() then return other_epoch() end
local user, group, joins = ARGV[5], ARGV[6], ARGV[7] == '1'
local groups_per_user, group_members_max, void_after = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local memberships_max = tonumber(ARGV[11])
if void_after > 0 and real_now() > void_after then return { current_seq(), 'late', 0 } end

local function renew_version()
  redis.call('HSET', GROUP_VERSIONS, group, next_version(redis.call('HGET', GROUP_VERSIONS, group)))
end

local function join()
  if redis.call('SMISMEMBER', group_key(group), user)[1] == 1 then return 'done' end
  if redis.call('SCARD', groups_key(user)) >= groups_per_user then return 'too-many' end
  if redis.call('SCARD', group_key(group)) >= group_members_max then return 'full' end
  if tonumber(redis.call('GET', MEMBERSHIPS) or '0') >= memberships_max then return 'no-room' end
  redis.call('INCR', MEMBERSHIPS)
  redis.call('SADD', group_key(group), user)
  redis.call('SADD', groups_key(user), group)
  renew_version()
  return 'done'
end

local function leave()
  if redis.call('SREM', group_key(group), user) == 0 then return 'done' end
  redis.call('SREM', groups_key(user), group)
  if redis.call('DECR', MEMBERSHIPS) <= 0 then redis.call('DEL', MEMBERSHIPS) end
  if redis.call('EXISTS', group_key(group)) == 1 then
    renew_version()
  else
    redis.call('HDEL', GROUP_VERSIONS, group)
  end
  return 'done'
end

local result = (joins and join or leave)()
return { current_seq(), result, tonumber(redis.call('GET', MEMBERSHIPS) or '0') }
