#!lua name=kopilka
-- What a chain would write: a balance a member, a ledger row a command, the command's
-- id and the receipt's number unique. A repeated id gets its first answer again.
-- KEYS: id, receipt, balance, ledger. ARGV: amount, points to spend, row.
redis.register_function('do_one', function(keys, argv)
  local before = redis.call('GET', keys[1])
  if before then
    return before
  end
  if not redis.call('SET', keys[2], keys[1], 'NX') then
    return redis.error_reply('duplicate-receipt')
  end
  local balance = redis.call('GET', keys[3])
  if not balance then
    redis.call('DEL', keys[2])
    return redis.error_reply('member-not-found')
  end
  local amount, points = tonumber(argv[1]), nil
  if amount > 0 then
    points = math.floor(amount / 100)
  else
    points = -tonumber(argv[2])
    if tonumber(balance) + points < 0 then
      redis.call('DEL', keys[2])
      return redis.error_reply('insufficient-points')
    end
  end
  local now = redis.call('INCRBY', keys[3], points)
  redis.call('RPUSH', keys[4], argv[3] .. ' ' .. points .. ' ' .. now)
  local answer = points .. ' ' .. now
  redis.call('SET', keys[1], answer)
  return answer
end)
