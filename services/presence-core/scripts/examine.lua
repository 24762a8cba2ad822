-- examine - mirror keys of these users have expired: end what is due of them now, and restore the mirror of who
-- is still shown (proto: Hint).
-- Behind settle_lib.lua.
-- ARGV after the common four: user, ... (at most 100)
-- Answers {seq, restored, records}: `restored` counts mirrors that expired under a live, leased connection.

if not epoch_holds() then return other_epoch() end
local batch, now, restored = open_batch(), service_now(), 0
local _, held = awaits_announcements(now)
for i = 5, #ARGV do
  local user = held and load_user(ARGV[i]) or end_due_sources(batch, ARGV[i], now)
  if restore_mirror(user, batch.real, now) then restored = restored + 1 end
end
finish(batch)
return { whole(batch.seq), restored, batch.records }
