-- explain - why a user is shown as they are: who speaks for them, and their last transitions (proto: Explain).
-- ARGV after the common four: user, most (transitions)
-- Answers {seq, {status, last_seen, since, seq}, {row, ...}, {record, ...}, complete, log_from}
--   row: source, edge ('-': not known any more), state, ends_in_ms, connection, device, letter, opened_at
--   record: newest first; `complete` 1: before the last of them there was none
--   log_from: unix ms of the oldest transition that the log still has, 0: it has none
--
-- Each record names the one before it of the same user, so a search looks at as many log entries as it finds
-- transitions, however long the log is.

local EPOCHS_MOST = 20  -- that one step back may pass

if not epoch_holds() then return other_epoch() end
local id, most, now = ARGV[5], tonumber(ARGV[6]), service_now()
local user = load_user(id)

local function state_of(field, source)
  if lingers(source) then return 'lingers' end
  if source.ends_at > 0 then return 'ends' end
  return leased(string.sub(field, 3), now) and 'leased' or 'lease-over'
end

local rows = {}
local function add_row(field, source, edge, letter, connection)
  for _, value in ipairs({ field, edge, state_of(field, source),
                           whole(source.ends_at > 0 and math.max(0, source.ends_at - now) or 0), connection.id,
                           connection.device, letter, whole(connection.opened_at) }) do
    rows[#rows + 1] = value
  end
end

for field, source in pairs(user.sources) do
  if source.letters ~= '-' then
    local info = not is_http(field) and incarnation_info(string.sub(field, 3))
    local edge, connections = info and info.edge or '-', connections_of(source)
    for i = 1, #source.letters do
      add_row(field, source, edge, string.sub(source.letters, i, i),
              connections[i] or { id = '-', device = '-', opened_at = 0 })
    end
  end
end

local function record_in(entry, seq)
  for i = 2, #entry[2], 2 do
    local record = entry[2][i]
    if string.match(record, '^(%d+) ') == seq then return record end
  end
end

-- The record with that seq, and its epoch. Sequence numbers rise over epochs, and an id is '<epoch>-<last seq>'.
local function find(seq, of_epoch)
  for _ = 1, EPOCHS_MOST do
    local entry = redis.call('XRANGE', LOG, of_epoch .. '-' .. seq, of_epoch, 'COUNT', 1)[1]
    local record = entry and record_in(entry, seq)
    if record then return record, of_epoch end
    local older = redis.call('XREVRANGE', LOG, '(' .. of_epoch .. '-0', '-', 'COUNT', 1)[1]
    if not older then return nil end
    of_epoch = string.match(older[1], '^(%d+)-')
  end
end

local records, seq, of_epoch = {}, user.meta.seq or '0', epoch
while #records < most and seq ~= '0' do
  local record
  record, of_epoch = find(seq, of_epoch)
  if not record then break end
  records[#records + 1] = record
  seq = string.match(record, '^%d+ %a %a %d+ %d+ (%d+) ')
end

local oldest = redis.call('XRANGE', LOG, '-', '+', 'COUNT', 1)[1]
local shown = user.meta.status or 'f'
local last_seen = user.meta.lastSeen
if shown ~= 'f' then last_seen = redis.call('GET', mirror_key(id)) or user.meta.since end
return { current_seq(), { shown, last_seen or '0', user.meta.since or '0', user.meta.seq or '0' }, rows, records,
         seq == '0' and 1 or 0, oldest and string.match(oldest[2][2], '^%d+ %a %a (%d+) ') or '0' }
