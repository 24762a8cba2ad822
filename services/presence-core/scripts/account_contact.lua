-- account_contact - adds, changes or removes one contact of a user.
-- Behind account_lib.lua, listing_lib.lua, roster_lib.lua.
-- ARGV after those of listing_lib.lua: username, nonce, change (add, set, remove), contact, favorite (0, 1; '-': as it is),
-- contacts_most
-- Answers as account_lib.lua says: done, no-user, nobody, no-contact, contacts-full; and the contact, where it is one.
--
-- Whoever has an account, or was ever heard of by presence, can be a contact: users of WebSockets need no account.

if not epoch_holds() then return other_epoch() end
local id, nonce, change, other, favorite = ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local contacts_most, flat, now = tonumber(ARGV[12]), {}, real_now()

local function is_known(user)
  return has_account(user) or redis.call('EXISTS', meta_key(user)) == 1
end

local function put(before)
  local was, added_at = string.match(before or '', '^([01]) (%d+)$')
  local now_favorite = favorite == '-' and (was or '0') or favorite
  redis.call('HSET', contacts_key(id), other, now_favorite .. ' ' .. (added_at or whole(now)))
  return 'done'
end

-- Who is a contact has changed, not only which of them is a favourite.
local function renew_version()
  local before = redis.call('HGET', account_key(id), CONTACTS_VERSION)
  redis.call('HSET', account_key(id), CONTACTS_VERSION, next_version(before))
end

local function apply()
  local before = redis.call('HGET', contacts_key(id), other)
  if change == 'add' and not before then
    if not is_known(other) then return 'nobody' end
    if redis.call('HLEN', contacts_key(id)) >= contacts_most then return 'contacts-full' end
    renew_version()
    return put(nil)
  end
  if not before then return 'no-contact' end
  if change ~= 'remove' then return put(before) end
  redis.call('HDEL', contacts_key(id), other)
  renew_version()
  return 'done'
end

if not has_account(id) then return account_answer('no-user') end
local result = answered_before(id, nonce)
if not result then
  result = apply()
  touch_account(id, now)
  note_answer(id, nonce, result)
end
local contact = redis.call('HGET', contacts_key(id), other)
if contact then add_account(flat, other, true, contact) end
return account_answer(result, flat)
