-- Records a page of a feed session. KEYS[1]: the session. ARGV: page number, page, seconds to keep it.
-- The first page of a number stays: two nodes that were asked for it at once must not disagree later.
local first = redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return first
