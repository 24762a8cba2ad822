-- listing_lib - users and accounts as the SmartTV overview lists them; it is put behind account_lib.lua in front of the
-- scripts that say so ('Behind').
-- ARGV after the common four: http_ttl_ms, freshness_ms.

local http_ttl_ms, freshness_ms = tonumber(ARGV[5]), tonumber(ARGV[6])
local real, service = real_now(), service_now()

-- Whether somebody who is shown online counts as is_online. An open socket is always fresh. A heartbeat is as old as the
-- service clock says (nobody's silence is counted while that stands), or as Redis time does where that is less:
-- `offline` has shortened ends_at.
local function is_fresh(user)
  for field, source in pairs(user.sources) do
    if source.letters ~= '-' then
      if not is_http(field) then return true end
      if service - (source.ends_at - http_ttl_ms) < freshness_ms or real - source.number < freshness_ms then return true end
    end
  end
  return false
end

-- Appends the columns of one account: username, display_name, device_type, metadata ('' in a list), created_at ('0': no
-- account), last_seen, total_sessions, letter, since, last_seen of presence, is_online, is_favorite, added_at. Lists are
-- up to 500 long: fields are read one by one, not whole users.
local function add_account(flat, id, in_list, contact)
  local account = redis.call('HMGET', account_key(id), 'display_name', 'device_type', 'created_at', 'last_seen',
                             'total_sessions')
  local meta = redis.call('HMGET', meta_key(id), 'status', 'since', 'lastSeen')
  local shown, since, seen = meta[1] or 'f', meta[2] or '0', meta[3]
  if shown ~= 'f' then seen = redis.call('GET', mirror_key(id)) or since end
  local favorite, added_at = string.match(contact or '', '^([01]) (%d+)$')
  local n = #flat
  flat[n + 1], flat[n + 2], flat[n + 3] = id, account[1] or '', account[2] or ''
  flat[n + 4] = not in_list and redis.call('HGET', account_key(id), 'metadata') or ''
  flat[n + 5], flat[n + 6], flat[n + 7] = account[3] or '0', account[4] or '0', account[5] or '0'
  flat[n + 8], flat[n + 9], flat[n + 10] = shown, since, seen or '0'
  flat[n + 11] = shown == 'o' and is_fresh(load_user(id)) and '1' or '0'
  flat[n + 12], flat[n + 13] = favorite or '0', added_at or '0'
end
