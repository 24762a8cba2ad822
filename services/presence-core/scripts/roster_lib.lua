-- roster_lib - lists of users that others decide on: members of groups (group.lua), contacts (account_contact.lua); and
-- what version each has, by which rosters.lua says whether it has changed. It is put in front of the scripts that say so
-- ('Behind').
--
--   presence:group:<group>        SET of its members; who is in it need not have an account, nor be there
--   presence:groups:<user>        SET of the groups that the user is in
--   presence:group-versions       HASH group -> version, of groups that have members: joining and leaving names that
--                                 somebody has made up leaves nothing behind
--   presence:memberships          how many there are, of all users in all groups
--   presence:account:<username>   field contacts_version (account_lib.lua)

local GROUP_VERSIONS, MEMBERSHIPS = 'presence:group-versions', 'presence:memberships'
local CONTACTS_VERSION = 'contacts_version'
local FIRST_VERSION = '1'  -- of a list that was never changed, or is empty and gone
local VERSION_MAX = 2 ^ 53

local function group_key(group) return 'presence:group:' .. group end
local function groups_key(user) return 'presence:groups:' .. user end

-- Of what is kept; FIRST_VERSION where there is none, or none that the bus can carry: somebody's hand has spoilt it.
local function parse_version(kept)
  local version = string.match(kept or '', '^[1-9]%d*$')
  return version and tonumber(version) < VERSION_MAX and version or FIRST_VERSION
end

-- That of a list which has just changed: none that it ever had, also where it was gone in between and nobody knows any
-- more which it had. In unix microseconds: the clock alone is past all that were given in time that has passed.
local function next_version(kept)
  local time = redis.call('TIME')
  return whole(math.max(tonumber(parse_version(kept)) + 1, time[1] * 1000000 + time[2]))
end
