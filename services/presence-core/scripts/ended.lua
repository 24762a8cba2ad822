-- ended - a process has ended in an orderly way: it is listed no more (proto: Beat, last).
-- ARGV after the common four: name, process (JSON)
-- Answers {1, seq}.

if not epoch_holds() then return other_epoch() end
local name, ended = ARGV[5], cjson.decode(ARGV[6])
local listed = string.match(redis.call('HGET', SERVICES, name) or '', '^%d+ (.*)$')
local process = listed and cjson.decode(listed)
-- Another of the same name may have begun before this one ended: it stays.
if process and process.pid == ended.pid and process.startedAt == ended.startedAt then
  redis.call('HDEL', SERVICES, name)
end
return { 1, current_seq() }
