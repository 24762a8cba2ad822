-- rosters - which of these lists have changed (proto: RostersQuery).
-- Behind account_lib.lua, roster_lib.lua.
-- ARGV after the common four: users_most, then of each list: kind (g: members of a group, c: contacts of a user), id,
-- version (that is known; 0: none)
-- Answers {seq, more, {index, version, {user, ...}, ...}}: of those that have another version, which of the lists asked
-- for it is (from 1), the version that it has, and all who are in it. It ends before the list with which there would be
-- more than users_most users in all, unless that is the first: more = 1 then, else 0.

if not epoch_holds() then return other_epoch() end
local users_most, rows, users_count, more = tonumber(ARGV[5]), {}, 0, 0

local function read_version(kind, id)
  if kind == 'g' then return parse_version(redis.call('HGET', GROUP_VERSIONS, id)) end
  return parse_version(redis.call('HGET', account_key(id), CONTACTS_VERSION))
end

local function count_users(kind, id)
  if kind == 'g' then return redis.call('SCARD', group_key(id)) end
  return redis.call('HLEN', contacts_key(id))
end

local function read_users(kind, id)
  if kind == 'g' then return redis.call('SMEMBERS', group_key(id)) end
  return redis.call('HKEYS', contacts_key(id))
end

for i = 6, #ARGV, 3 do
  local kind, id, known = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local version = read_version(kind, id)
  if version ~= known then
    users_count = users_count + count_users(kind, id)
    if users_count > users_most and #rows > 0 then
      more = 1
      break
    end
    rows[#rows + 1] = (i - 6) / 3 + 1
    rows[#rows + 1] = version
    rows[#rows + 1] = read_users(kind, id)
  end
end
return { current_seq(), more, rows }
