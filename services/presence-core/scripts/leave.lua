-- leave - an edge stops: its lease ends now, the grace runs (proto: Leave).
-- ARGV after the common four: incarnation
-- Answers {1, seq}; leaving twice is no error.

if not epoch_holds() then return other_epoch() end
redis.call('ZADD', EDGES, 'XX', 'LT', service_now(), ARGV[5])
return { 1, current_seq() }
