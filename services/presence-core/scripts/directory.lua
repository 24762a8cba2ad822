-- directory - some users as the lists of the overview show them (proto: DirectoryQuery).
-- Behind account_lib.lua, listing_lib.lua.
-- ARGV after those of listing_lib.lua: scope (contacts: of `viewer`, by name; online: who is not shown offline, by name; active:
-- accounts, the latest first; one: that one), viewer ('': none), after (where the piece before ended, '': from the
-- beginning; of scope `one`: the user), most (users; at most 100)
-- Answers {seq, rebuilding, {user, display_name, status, last_seen, fresh, favourite, ...}, next}; next: `after` of the
-- next piece, '' where there is none.

if not epoch_holds() then return other_epoch() end
local scope, viewer, after, most = ARGV[7], ARGV[8], ARGV[9], tonumber(ARGV[10])
local contacts = contacts_key(viewer)

local function contacts_after()
  local names, ids = redis.call('HKEYS', contacts), {}
  table.sort(names)
  for _, name in ipairs(names) do
    if name > after then ids[#ids + 1] = name end
    if #ids == most then break end
  end
  return ids, #ids == most and ids[#ids] or ''
end

local function online_after()
  local ids = redis.call('ZRANGE', ONLINE, after == '' and '-' or '(' .. after, '+', 'BYLEX', 'LIMIT', 0, most)
  return ids, #ids == most and ids[#ids] or ''
end

local function active_after()
  local from = tonumber(after) or 0
  local ids = redis.call('ZREVRANGE', ACTIVE, whole(from), whole(from + most - 1))
  return ids, #ids == most and whole(from + most) or ''
end

local function choose()
  if scope == 'contacts' then return contacts_after() end
  if scope == 'online' then return online_after() end
  if scope == 'active' then return active_after() end
  return { after }, ''
end

-- Of somebody who is not shown: who is hidden looks as if they were not there (heartbeat.lua: a hidden user's account has
-- not been active either).
local function last_seen_of(user, account_seen)
  if (user.meta.status or 'f') ~= 'f' then return redis.call('GET', mirror_key(user.id)) or user.meta.since or '0' end
  return user.meta.lastSeen or account_seen or '0'
end

local ids, next_after = choose()
local favourites = viewer ~= '' and #ids > 0 and redis.call('HMGET', contacts, unpack(ids)) or {}
local flat = {}
for i, id in ipairs(ids) do
  local user = load_user(id)
  local account = redis.call('HMGET', account_key(id), 'display_name', 'last_seen')
  for _, value in ipairs({ id, account[1] or '', user.meta.status or 'f', last_seen_of(user, account[2]),
                           is_fresh(user) and '1' or '0',
                           favourites[i] and string.sub(favourites[i], 1, 2) == '1 ' and '1' or '0' }) do
    flat[#flat + 1] = value
  end
end
return { current_seq(), is_rebuilding(), flat, next_after }
