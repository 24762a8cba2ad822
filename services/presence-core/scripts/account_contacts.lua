-- account_contacts - a user's contacts, or one of them.
-- Behind account_lib.lua, listing_lib.lua.
-- ARGV after those of listing_lib.lua: username, contact ('': all)
-- Answers as account_lib.lua says: done, no-user, no-contact. CONTACTS_PER_USER bounds how many there are.

if not epoch_holds() then return other_epoch() end
local id, wanted, flat = ARGV[7], ARGV[8], {}
if not has_account(id) then return account_answer('no-user') end
if wanted ~= '' then
  local contact = redis.call('HGET', contacts_key(id), wanted)
  if not contact then return account_answer('no-contact') end
  add_account(flat, wanted, true, contact)
  return account_answer('done', flat)
end
local contacts = redis.call('HGETALL', contacts_key(id))
for i = 1, #contacts, 2 do add_account(flat, contacts[i], true, contacts[i + 1]) end
return account_answer('done', flat)
