-- logins - who is logged in more than once, and what has to go (DUPLICATE_LOGIN=kick; proto: Kicks). Called after
-- statements.lua, for the statements that it applied.
-- ARGV after the common four: incarnation, then for each user (at most 100): user, number
-- Answers {1, seq, {incarnation, {user, '<id> <id> ...', ...}, ...}}: whom to tell; or {0, seq} where the fence refuses.
--
-- Of all connections at leased edges the newest stays: by opened_at, then by id, an order in which nothing changes with
-- the order of arrival, so that an older statement that comes late never wins. Who has been told to go stays condemned
-- (it may be closing already), until its edge no longer states it: so never do both go.

if not epoch_holds() then return other_epoch() end
local incarnation, now = ARGV[5], service_now()
if not leased(incarnation, now) then return { 0, current_seq() } end

local is_leased = { [incarnation] = true }
local function speaks(of)
  if is_leased[of] == nil then is_leased[of] = leased(of, now) end
  return is_leased[of]
end

-- The connections of a user, each with the incarnation that states it and whether it has to go already.
local function connections_of_user(user)
  local all = {}
  for field, source in pairs(user.sources) do
    local of = string.sub(field, 3)
    if string.sub(field, 1, 2) == 'e/' and source.letters ~= '-' and speaks(of) then
      local condemned = ' ' .. (redis.call('HGET', kicks_key(of), user.id) or '') .. ' '
      for _, connection in ipairs(connections_of(source)) do
        all[#all + 1] = { of = of, id = connection.id, opened_at = connection.opened_at,
                          goes = string.find(condemned, ' ' .. connection.id .. ' ', 1, true) ~= nil }
      end
    end
  end
  return all
end

local function newest(all)
  local best
  for _, connection in ipairs(all) do
    if not connection.goes and (not best or connection.opened_at > best.opened_at or
       (connection.opened_at == best.opened_at and connection.id > best.id)) then
      best = connection
    end
  end
  return best
end

local groups = {}  -- incarnation -> flat {user, ids}

local function judge(user)
  local all = connections_of_user(user)
  local stays, ids = newest(all), { [incarnation] = {} }
  for _, connection in ipairs(all) do
    if connection ~= stays then
      local list = ids[connection.of] or {}
      list[#list + 1] = connection.id
      ids[connection.of] = list
    end
  end
  for of, list in pairs(ids) do
    if #list == 0 then
      redis.call('HDEL', kicks_key(of), user.id)
    else
      local text, group = table.concat(list, ' '), groups[of] or {}
      redis.call('HSET', kicks_key(of), user.id, text)
      group[#group + 1] = user.id
      group[#group + 1] = text
      groups[of] = group
    end
  end
end

for i = 6, #ARGV, 2 do
  local user = load_user(ARGV[i])
  local own = user.sources['e/' .. incarnation]
  -- Of another number: it was superseded, or refused; what is known of the user was judged with the one that counts.
  if not own or own.number == tonumber(ARGV[i + 1]) then judge(user) end
end

local flat = {}
for of, group in pairs(groups) do
  flat[#flat + 1] = of
  flat[#flat + 1] = group
end
return { 1, current_seq(), flat }
