-- snapshot - who is not shown offline, a bounded piece in the order of user ids (proto: Snapshot, OnlineQuery).
-- ARGV after the common four: after ('': from the beginning), most, devices (1: say them)
-- Answers {seq, rebuilding, {user, status, last_seen, since, seq, ...}, total, {device, ...}}; total: of all that are
-- not shown offline; device: of the newest connection, '' where none is known.

if not epoch_holds() then return other_epoch() end
local first = ARGV[5] == '' and '-' or '(' .. ARGV[5]
local flat, devices = {}, {}

local function newest_device(id)
  local device, newest = '', -1
  for _, source in pairs(load_user(id).sources) do
    for _, connection in ipairs(connections_of(source)) do
      if connection.opened_at > newest then device, newest = connection.device, connection.opened_at end
    end
  end
  return device
end

for _, id in ipairs(redis.call('ZRANGE', ONLINE, first, '+', 'BYLEX', 'LIMIT', 0, ARGV[6])) do
  local meta = redis.call('HMGET', meta_key(id), 'status', 'since', 'seq')
  flat[#flat + 1] = id
  flat[#flat + 1] = meta[1] or 'f'
  flat[#flat + 1] = redis.call('GET', mirror_key(id)) or meta[2] or '0'
  flat[#flat + 1] = meta[2] or '0'
  flat[#flat + 1] = meta[3] or '0'
  if ARGV[7] == '1' then devices[#devices + 1] = newest_device(id) end
end
return { current_seq(), is_rebuilding(), flat, redis.call('ZCARD', ONLINE), devices }
