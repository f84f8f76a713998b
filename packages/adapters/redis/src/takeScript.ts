/**
 * Token buckets, all or nothing, in one step that no other client's comes between. By the server's clock, so that the
 * clocks of the instances do not matter.
 *
 * KEYS: one per bucket, holding `t` (tokens) and `a` (microseconds of the last refill); a full one expires.
 * ARGV: the cost (negative: given back), then capacity and tokens per second of each bucket.
 * Returns `[allowed, tokens, millis, tokens, millis …]`; fractions as text, since a number would be cut.
 */
export const TAKE_SCRIPT = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local cost = tonumber(ARGV[1])
local tokens, allowed = {}, 1
for i, key in ipairs(KEYS) do
  local capacity, rate = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local found = redis.call('HMGET', key, 't', 'a')
  local level = capacity
  if found[1] then
    local elapsed = math.max(0, now - tonumber(found[2]))
    level = math.min(capacity, tonumber(found[1]) + elapsed * rate / 1000000)
  end
  tokens[i] = level
  if level < cost then allowed = 0 end
end
local answer = { allowed }
for i, key in ipairs(KEYS) do
  local capacity, rate = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local missing = cost - tokens[i]
  if allowed == 1 then
    tokens[i] = math.min(capacity, tokens[i] - cost)
    missing = capacity - tokens[i]
    redis.call('HSET', key, 't', string.format('%.17g', tokens[i]), 'a', string.format('%.0f', now))
    redis.call('PEXPIRE', key, math.ceil(missing / rate * 1000) + 1000)
  end
  answer[2 * i] = string.format('%.17g', tokens[i])
  answer[2 * i + 1] = string.format('%.17g', math.max(0, missing) / rate)
end
return answer
`
