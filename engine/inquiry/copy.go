package inquiry

import (
	"bytes"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

const (
	// CopyBytesMax bounds a copy, head and content. What is longer is not copied.
	CopyBytesMax = 64 << 10
	// CopiesMax bounds the copies of one mirror that are collected or under way, and so its
	// memory: 16 MiB.
	CopiesMax = 256
	// copyTime is how long the answer to one may take.
	copyTime = 30 * time.Second
)

// Copy is a copy of a request, on its way to another pool than the one that answers. The
// exchange owns it until it has let it go (Leave), but for what is the goroutine's from
// Start on.
type Copy struct {
	inquiry Inquiry
	budget  *atomic.Int64
	stats   *observe.MirrorStats
	compare bool

	// While it is collected.
	collecting bool
	have       int64 // bytes of content

	// Of the exchange: what its client is given.
	ours  side
	about observe.MirrorExample

	theirs side
	here   atomic.Int32 // sides whose answer is whole, or never will be
}

// side is one of two answers.
type side struct {
	status int
	sum    xxhash.Digest
	whole  bool
}

// NewCopy begins a copy whose head, with have bytes of content behind it, is of.Head;
// nil where the mirror has as many as it may have, or this one would be too long.
func NewCopy(of *Inquiry, have int64, m *Mirror) *Copy {
	switch {
	case len(of.Head) > CopyBytesMax:
		m.Stats.Add(of.Shard, observe.MirrorTooLong)
		return nil
	case m.Budget.Add(1) > CopiesMax:
		m.Budget.Add(-1)
		m.Stats.Add(of.Shard, observe.MirrorBusy)
		return nil
	}
	c := &Copy{budget: m.Budget, stats: m.Stats, compare: m.Compare, about: m.About, collecting: true, have: have}
	q := &c.inquiry
	q.Pool, q.Shard, q.Head, q.ToHEAD, q.Hash, q.To = of.Pool, of.Shard, of.Head, of.ToHEAD, of.Hash, c
	q.KeepsHost, q.Reuse = of.KeepsHost, attempt.ReuseSafe
	c.ours.sum.Reset()
	return c
}

// Mirror is what a copy needs to know of where it comes from.
type Mirror struct {
	Budget  *atomic.Int64
	Stats   *observe.MirrorStats
	Compare bool
	About   observe.MirrorExample // what can be said of the request
}

// Append takes content that begins at offset; what it has already, because the request is
// sent again, it does not take twice. False: the copy is too long, and given up.
func (c *Copy) Append(data []byte, offset int64, chunked bool) bool {
	if !c.collecting {
		return true
	}
	if seen := c.have - offset; seen > 0 {
		data = data[min(seen, int64(len(data))):]
	}
	c.have += int64(len(data))
	if len(c.inquiry.Head)+len(data) > CopyBytesMax {
		c.giveUp(observe.MirrorTooLong)
		return false
	}
	switch {
	case !chunked:
		c.inquiry.Head = append(c.inquiry.Head, data...)
	case len(data) > 0:
		c.inquiry.Head = wire.AppendChunk(c.inquiry.Head, data)
	}
	return true
}

// End appends what ends chunked content, with its trailers, or nothing, and sends the copy.
func (c *Copy) End(chunked bool, trailers *wire.Head) {
	if !c.collecting {
		return
	}
	if chunked {
		c.inquiry.Head = wire.AppendLastChunk(c.inquiry.Head, trailers)
	}
	c.Start()
}

// Start sends the copy, which is whole.
func (c *Copy) Start() {
	c.collecting = false
	c.inquiry.Head = withoutExpect(c.inquiry.Head)
	c.inquiry.ByNanos = socket.After(socket.Nanos(), copyTime)
	c.inquiry.Prepare()
	safely.GoThen("mirror", c.run, func() {
		c.budget.Add(-1)
		c.arrive()
	})
}

func (c *Copy) run() {
	c.theirs.sum.Reset()
	status, out := c.inquiry.Ask()
	c.theirs.status, c.theirs.whole = status, out == attempt.OK
	if out == attempt.OK {
		c.stats.Add(c.inquiry.Shard, observe.MirrorAnswered)
	} else {
		c.stats.Add(c.inquiry.Shard, observe.MirrorFailed)
	}
}

func (c *Copy) giveUp(why observe.MirrorOutcome) {
	c.collecting, c.inquiry.Head = false, nil
	c.stats.Add(c.inquiry.Shard, why)
	c.budget.Add(-1)
}

// Leave lets it go, at the end of the exchange.
func (c *Copy) Leave() {
	if c.collecting {
		c.giveUp(observe.MirrorIncomplete)
	}
	c.arrive()
}

// Compares reports that the exchange has to tell of its answer.
func (c *Copy) Compares() bool { return c.compare }

// Answered notes the status of the exchange's answer, and Saw a piece of its content as
// the backend has sent it. Whole: that was all.
func (c *Copy) Answered(status int) {
	c.ours.status, c.ours.whole = status, false
	c.ours.sum.Reset()
}

// Saw notes a piece of the content.
func (c *Copy) Saw(data []byte) { _, _ = c.ours.sum.Write(data) }

// Whole notes that the answer is complete.
func (c *Copy) Whole() { c.ours.whole = true }

// Met takes the head of the mirror's answer.
func (c *Copy) Met(*wire.ResponseHead) bool {
	c.theirs.sum.Reset()
	return true
}

// Took takes a piece of its content, which nobody gets.
func (c *Copy) Took(data []byte) bool {
	if c.compare {
		_, _ = c.theirs.sum.Write(data)
	}
	return true
}

// arrive is called once for each side; the last one compares.
func (c *Copy) arrive() {
	const sides = 2
	if c.here.Add(1) != sides || !c.compare || !c.ours.whole || !c.theirs.whole {
		return
	}
	result := observe.MirrorSame
	switch {
	case c.ours.status != c.theirs.status:
		result = observe.MirrorOtherStatus
	case c.ours.sum.Sum64() != c.theirs.sum.Sum64():
		result = observe.MirrorOtherBody
	}
	c.about.Status, c.about.MirrorStatus = c.ours.status, c.theirs.status
	c.stats.Compared(c.inquiry.Shard, result, &c.about)
}

// withoutExpect takes out a wish to be asked for content: a copy has it already.
func withoutExpect(b []byte) []byte {
	stop := bytes.Index(b, []byte("\r\n\r\n"))
	for at := bytes.Index(b, []byte("\r\n")); at >= 0 && at < stop; {
		line := b[at+2:]
		size := bytes.Index(line, []byte("\r\n")) + 2
		if len(line) > len("expect:") && wire.EqualFold(line[:len("expect:")], "expect:") {
			return append(b[:at+2], line[size:]...)
		}
		at += size
	}
	return b
}
