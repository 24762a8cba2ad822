-- account_write - registers an account, or changes what is given of one.
-- Behind account_lib.lua, listing_lib.lua.
-- ARGV after those of listing_lib.lua: username, nonce, creates (1: where there is none), accounts_max, then what is given: name
-- and value of fields of the account
-- Answers as account_lib.lua says: created, done, no-user, accounts-full; and the account.

if not epoch_holds() then return other_epoch() end
local id, nonce, creates, accounts_max = ARGV[7], ARGV[8], ARGV[9] == '1', tonumber(ARGV[10])
local result, created, flat, now = answered_before(id, nonce), 0, {}, real_now()

local function write()
  if has_account(id) then
    result = 'done'
  elseif not creates then
    return 'no-user'
  elseif not create_account(id, now, accounts_max) then
    return 'accounts-full'
  else
    result, created = 'created', 1
  end
  for i = 11, #ARGV, 2 do redis.call('HSET', account_key(id), ARGV[i], ARGV[i + 1]) end
  touch_account(id, now)
  note_answer(id, nonce, result)
  return result
end

result = result or write()
if has_account(id) then add_account(flat, id) end
return account_answer(result, flat, created)
