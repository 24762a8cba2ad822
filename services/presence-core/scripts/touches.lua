-- touches - signs of life (proto: Touches). They refresh mirrors and can create nothing.
-- ARGV after the common four: incarnation, then for each user (at most 1000): user, age_ms
-- Answers {1, seq, restored}: `restored` counts mirrors that were missing under a live connection; or {0, seq}
-- where the fence refuses.

if not epoch_holds() then return other_epoch() end
local incarnation = ARGV[5]
if not leased(incarnation, service_now()) then return { 0, current_seq() } end

local real, restored, own_field = real_now(), 0, 'e/' .. incarnation
for i = 6, #ARGV, 2 do
  local id, active_at = ARGV[i], real - tonumber(ARGV[i + 1])
  if not refresh_mirror(id, active_at, real, true) then
    local meta = redis.call('HMGET', meta_key(id), 'status', own_field)
    local own = meta[2] and parse_source(meta[2])
    if own and own.letters ~= '-' and meta[1] and meta[1] ~= 'f' then
      refresh_mirror(id, active_at, real)
      restored = restored + 1
    end
  end
end
return { 1, current_seq(), restored }
