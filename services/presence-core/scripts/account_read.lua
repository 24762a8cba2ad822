-- account_read - one account; looking at it is a sign of life of it (overview, "Auto-updates last_seen when called").
-- Behind account_lib.lua, listing_lib.lua.
-- ARGV after those of listing_lib.lua: username
-- Answers as account_lib.lua says: done, no-user.

if not epoch_holds() then return other_epoch() end
local id, flat = ARGV[7], {}
if not has_account(id) then return account_answer('no-user') end
touch_account(id, real_now())
add_account(flat, id)
return account_answer('done', flat)
