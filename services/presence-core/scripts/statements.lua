-- statements - an edge says the whole truth about some users of its own (proto: Statements).
-- Behind settle_lib.lua.
-- ARGV after the common four: incarnation, edge, replaces ('-': none), floor, debounce_ms, void_after (Redis TIME in unix
-- ms), then for each user (at most 100):
--   user, number, reason, activity_age_ms, role ('-': none), letters, connections (JSON)
-- Answers {1, seq, stale, records}; {0, seq} where the fence refuses; {2, seq} where it is too late: its edge has long
-- given it up and said it again, and what waited in a Redis that stood still is not to be shown for a moment.

if not epoch_holds() then return other_epoch() end
local incarnation, edge, replaces = ARGV[5], ARGV[6], ARGV[7]
local floor, debounce_ms = tonumber(ARGV[8]), tonumber(ARGV[9])
local now, info = service_now(), incarnation_info(incarnation)
if not info or not leased(incarnation, now) then return { 0, current_seq() } end
if real_now() > tonumber(ARGV[10]) then return { 2, current_seq() } end

if floor > info.floor then
  info.floor = floor
  set_incarnation_info(incarnation, info)
end

-- A tombstone refuses late statements of its incarnation. It is retired when the floor, or the fence, does so.
local floors = {}
local function retired(field, number)
  local of = string.sub(field, 3)
  if floors[of] == nil then
    local other = leased(of, now) and incarnation_info(of)
    floors[of] = other and other.floor or math.huge
  end
  return number <= floors[of]
end

local batch, stale = open_batch(), 0
local own_field, replaced_field = 'e/' .. incarnation, 'e/' .. replaces
local here, replaced = {}, {}  -- id -> whether connected here; ids taken over from `replaces`

-- While edges have yet to announce after data loss, nobody can be said to have left: one of those may have them.
local held_here
local function is_held()
  if held_here == nil then
    held_here = select(2, awaits_announcements(now))
  end
  return held_here
end

-- Whoever closes their last connection, and may be back in a moment, is shown as they were for debounce_ms, or until the
-- sweep goes on. A statement that comes again (another number, or another incarnation) does not make that longer: `before`
-- is what it replaces.
local function linger(user, number, before, held)
  local shown = user.meta.status or 'f'
  if before and lingers(before) then
    set_source(user, own_field,
               { number = number, ends_at = before.ends_at, letters = before.letters, connections = LINGERS })
  elseif (debounce_ms > 0 or held) and shown ~= 'f' and shown_status(user) == 'f' then
    set_source(user, own_field, { number = number, ends_at = now + debounce_ms, letters = shown, connections = LINGERS })
    rescore_end(batch, user)
  end
end

local function apply(user, i)
  local number, reason, letters = tonumber(ARGV[i + 1]), ARGV[i + 2], ARGV[i + 5]
  local before = user.sources[own_field] or user.sources[replaced_field]
  for field, source in pairs(user.sources) do
    if field ~= own_field and field ~= replaced_field and letters ~= '-' and lingers(source) then
      set_tombstone(user, field, source.number)
    elseif field == replaced_field then
      remove_source(user, field)
      replaced[#replaced + 1] = user.id
    elseif field ~= own_field and source.letters == '-' and string.sub(field, 1, 2) == 'e/' and
           retired(field, source.number) then
      remove_source(user, field)
    end
  end
  set_source(user, own_field, { number = number, ends_at = 0, letters = letters, connections = ARGV[i + 6] })
  if letters == '-' then
    local held = is_held()
    if held or reason == 'closed' then linger(user, number, before, held) end
  end
  local role = ARGV[i + 4]
  if role ~= '-' and user.meta.role ~= role then set_field(user, 'role', role) end
  here[user.id] = letters ~= '-'
  settle(batch, user, batch.real - tonumber(ARGV[i + 3]), reason, edge)
end

for i = 11, #ARGV, 7 do
  local user, number = load_user(ARGV[i]), tonumber(ARGV[i + 1])
  local own = user.sources[own_field]
  if number <= info.floor or (own and number <= own.number) then
    stale = stale + 1
  else
    apply(user, i)
  end
end

local add, remove = {}, {}
for id, connected in pairs(here) do
  local list = connected and add or remove
  list[#list + 1] = id
end
if #add > 0 then redis.call('SADD', edge_key(incarnation), unpack(add)) end
if #remove > 0 then redis.call('SREM', edge_key(incarnation), unpack(remove)) end
if #replaced > 0 then redis.call('SREM', edge_key(replaces), unpack(replaced)) end
finish(batch)
return { 1, whole(batch.seq), stale, batch.records }
