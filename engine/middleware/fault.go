package middleware

import (
	"fmt"
	"math"
	"math/bits"
	"net/http"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/end"
)

// fault does harm to a share of the requests.
type fault struct {
	below uint64 // of 64 bits that are chance, or the hash of the key
	all   bool
	salt  uint64 // of the stage's name: stages hit others than one another
	key   *stage.Key
	delay time.Duration
	abort *answer.Reject
	reset bool
}

func newFault(k *config.StageFault, p *Place) (*fault, error) {
	f := &fault{all: k.Percent >= 100, salt: xxhash.Sum64String(p.Name), delay: k.Delay, reset: k.Reset}
	f.below = shareOf(k.Percent)
	if k.Abort != 0 {
		f.abort = answer.New(k.Abort, end.FaultInjected, "")
	}
	if len(k.Key) > 0 {
		key, err := stage.NewKey(k.Key, ipv6Bits)
		if err != nil {
			return nil, fmt.Errorf("key: %w", err)
		}
		f.key = &key
	}
	return f, nil
}

// faultLate is the answer where the delay has taken all the time that there was.
var faultLate = answer.New(http.StatusGatewayTimeout, end.FaultInjected, "")

// ipv6Bits is how much of an IPv6 address is one client where a stage has no key for it.
const ipv6Bits = 64

// shareOf is the number that so many percent of all numbers of 64 bits are below, but for
// 100, which is all of them.
func shareOf(percent float64) uint64 {
	if percent >= 100 {
		return math.MaxUint64
	}
	return uint64(percent / 100 * (1 << 63) * 2)
}

// Request harms the request, if it is one of the share. What it decides is the same when
// it is asked again in a goroutine.
func (f *fault) Request(c *stage.Call) stage.Verdict {
	if !f.hits(c) {
		return stage.Next
	}
	if f.delay > 0 {
		if !c.MayWait {
			return stage.Wait
		}
		if !c.Sleep(f.delay) && c.Gone() {
			return stage.Left
		}
	}
	switch by := c.ByNanos(); {
	case f.reset:
		return c.Break(end.FaultInjected)
	case f.abort != nil:
		return c.Refuse(f.abort)
	case f.delay > 0 && by != 0 && c.NowNanos >= by: // no backend is to blame
		return c.Refuse(faultLate)
	}
	return stage.Next
}

func (f *fault) hits(c *stage.Call) bool {
	if f.all || f.below == 0 {
		return f.all
	}
	if f.key == nil {
		return mix(c.Random^f.salt) < f.below
	}
	c.Scratch, _ = f.key.Append(c.Scratch[:0], c)
	return mix(xxhash.Sum64(c.Scratch)^f.salt) < f.below
}

// mix makes of 64 bits others, in which each depends on all: stages that draw from the
// same bits do not agree on whom they take.
func mix(x uint64) uint64 {
	hi, lo := bits.Mul64(x^0x9e3779b97f4a7c15, 0xd6e8feb86659fd93)
	x = hi ^ lo
	hi, lo = bits.Mul64(x^0xa0761d6478bd642f, 0xe7037ed1a0b428db)
	return hi ^ lo
}
