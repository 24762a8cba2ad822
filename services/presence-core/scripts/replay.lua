-- replay - a bounded piece of the log (proto: Replay).
-- ARGV after the common four: from_seq, most (log entries; an entry is one script call, at most 100 transitions),
--   enough (records: no further entry is begun beyond it)
-- Answers {seq, records}. Entries are whole, so the first record may be older than from_seq.

if not epoch_holds() then return other_epoch() end
local most, enough, records = ARGV[6], tonumber(ARGV[7]), {}
for _, entry in ipairs(redis.call('XRANGE', LOG, epoch .. '-' .. ARGV[5], epoch, 'COUNT', most)) do
  if #records >= enough then break end
  for i = 2, #entry[2], 2 do records[#records + 1] = entry[2][i] end
end
return { current_seq(), records }
