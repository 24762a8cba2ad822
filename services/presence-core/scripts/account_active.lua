-- account_active - the accounts that were active last, newest first.
-- Behind account_lib.lua, listing_lib.lua.
-- ARGV after those of listing_lib.lua: most
-- Answers as account_lib.lua says: done.

if not epoch_holds() then return other_epoch() end
local flat = {}
for _, id in ipairs(redis.call('ZREVRANGE', ACTIVE, 0, tonumber(ARGV[7]) - 1)) do add_account(flat, id, true) end
return account_answer('done', flat)
