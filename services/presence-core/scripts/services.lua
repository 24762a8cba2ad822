-- services - every process that has beaten lately, and how the clock does (proto: ServicesQuery).
-- ARGV after the common four: forget_ms (a process silent for longer is dropped)
-- Answers {seq, rebuilding, clock_ms, clock_age_ms, users_online, {age_ms, process (JSON), ...}, away, busy}.

if not epoch_holds() then return other_epoch() end
local real, forget_ms, flat = real_now(), tonumber(ARGV[5]), {}
local services = redis.call('HGETALL', SERVICES)
for i = 1, #services, 2 do
  local at, process = string.match(services[i + 1], '^(%d+) (.*)$')
  local age = math.max(0, real - tonumber(at or '0'))
  if age > forget_ms then
    redis.call('HDEL', SERVICES, services[i])
  else
    flat[#flat + 1] = whole(age)
    flat[#flat + 1] = process
  end
end
return { current_seq(), is_rebuilding(), whole(service_now()), whole(clock_age(real)),
         redis.call('ZCARD', ONLINE), flat, redis.call('SCARD', OF_STATUS.a), redis.call('SCARD', OF_STATUS.b) }
