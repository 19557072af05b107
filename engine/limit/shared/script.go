package shared

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"time"

	"github.com/isame-lb/isame-lb/engine/limit/rate"
)

// script is the law of limit/rate for all limits of a request, all or nothing.
//
// A key's value is its theoretical arrival time and, after a blank, the end of its
// block, in units of its limit. Times are whole numbers below 2^53, which Lua's numbers
// hold exactly; the server's microseconds are counted from 2025 on, and an interval is a
// power of two of units, so that nothing is rounded but the clock. Were the clock set
// back, a key is never further ahead than its limit lets it be.
//
// KEYS are those of the limits; ARGV has five numbers for each: units in a microsecond,
// and in units the interval, the tolerance, the longest delay and the block. The reply
// is whether the request passes, and for each limit how far its key is ahead, by how
// much the request is early, and whether it is refused.
//
//nolint:dupword // two blocks of Lua end
const script = `
local time = redis.call('TIME')
local micros = (time[1] - 1735689600) * 1000000 + time[2]
local reply, limits = {1}, {}
for i = 1, #KEYS do
  local a = (i - 1) * 5
  local l = {
    ratio = tonumber(ARGV[a + 1]), interval = tonumber(ARGV[a + 2]), tolerance = tonumber(ARGV[a + 3]),
    delay = tonumber(ARGV[a + 4]), block = tonumber(ARGV[a + 5]), ahead = 0, rest = 0,
  }
  l.now = math.floor(micros * l.ratio)
  local value = redis.call('GET', KEYS[i])
  local arrival, ends = string.match(value or '', '^(%d+) ?(%d*)$')
  if arrival then
    l.ahead = math.min(math.max(arrival - l.now, 0), l.tolerance + l.delay)
    if ends ~= '' then l.rest = math.min(math.max(ends - l.now, 0), l.block) end
  end
  l.early = math.max(l.ahead + l.interval - l.tolerance, 0)
  l.refused = l.early > l.delay or l.rest > 0
  if l.refused then reply[1] = 0 end
  limits[i] = l
end
local function store(i, l, ends)
  local value = string.format('%.0f', l.now + l.ahead)
  if ends > 0 then value = value .. string.format(' %.0f', l.now + ends) end
  local millis = math.ceil(math.max(l.ahead, ends) / l.ratio / 1000) + 1
  redis.call('SET', KEYS[i], value, 'PX', string.format('%.0f', millis))
end
for i = 1, #KEYS do
  local l = limits[i]
  if reply[1] == 1 then
    l.ahead = l.ahead + l.interval
    store(i, l, 0)
  elseif l.refused and l.block > 0 and l.rest == 0 then
    l.rest = l.block
    store(i, l, l.block)
  end
  reply[#reply + 1] = l.ahead
  reply[#reply + 1] = math.max(l.early, l.rest)
  reply[#reply + 1] = l.refused and 1 or 0
end
return reply
`

const (
	// argsOf is how many arguments a limit has.
	argsOf = 5
	// repliesOf is how many numbers a reply has for a limit, after the first.
	repliesOf = 3
	// ratioMax bounds the units in a microsecond, so that with exactMax all sums stay
	// below 2^53 until the year 2050.
	ratioMax = 8
	// exactMax bounds every time ahead of the clock, in units.
	exactMax = 1 << 51
)

// law is a limit as the script reads it.
type law struct {
	args  [argsOf]string
	shift uint8 // an interval is 1<<shift units
	sign  string
}

// compile is the law of a limit that rate has found no fault with.
func compile(l *rate.Limit) (law, error) {
	perMicro := l.Rate / (float64(l.Per) / float64(time.Microsecond))
	if perMicro > ratioMax {
		return law{}, fmt.Errorf("rate %v per %v: want at most %d million a second of a limit that is shared", l.Rate, l.Per, ratioMax)
	}
	shift := int(math.Floor(math.Log2(ratioMax / perMicro)))
	shift = min(shift, bits.Len64(exactMax)-2-bits.Len(uint(l.Burst)))
	ratio := math.Ldexp(perMicro, shift)
	units := func(d time.Duration) int64 {
		return int64(min(math.Floor(float64(d)/float64(time.Microsecond)*ratio), exactMax/4))
	}
	w := law{shift: uint8(shift)}
	w.args[0] = strconv.FormatFloat(ratio, 'g', -1, 64)
	for i, n := range [argsOf - 1]int64{1 << shift, int64(l.Burst) << shift, units(l.MaxDelay), units(l.BlockFor)} {
		w.args[i+1] = strconv.FormatInt(n, 10)
	}
	w.sign = signOf(l)
	return w, nil
}

// signOf tells limits of different definitions apart: their keys have different units,
// and a limit that is defined anew begins anew.
func signOf(l *rate.Limit) string {
	name := fmt.Sprintf("%q %v %d %d %d %d", l.Name, l.Rate, l.Per, l.Burst, l.MaxDelay, l.BlockFor)
	return KeyBytes([]byte(name)).String()[:11]
}

// tell sets the asks from a reply of the script.
func (s *Store) tell(asks []rate.Ask, reply []int64) (rate.Result, error) {
	if len(reply) != 1+repliesOf*len(asks) {
		return rate.Result{}, fmt.Errorf("cannot read the reply of the script: %d numbers for %d limits", len(reply), len(asks))
	}
	for i := range asks {
		told := reply[1+repliesOf*i:]
		s.table.Tell(&asks[i], rate.Told{
			Shift: s.laws[asks[i].Limit].shift, Ahead: told[0], Early: told[1], Refused: told[2] == 1,
		})
	}
	return s.table.Decide(asks), nil
}
