package record

import (
	"net/netip"
	"time"

	"github.com/isame-lb/isame-lb/pool/end"
)

// BlameQuery is whose time is asked for.
type BlameQuery struct {
	// Route is a name; empty is all routes, and what belongs to none.
	Route string
	// Since bounds when exchanges ended; zero is as far back as they are kept.
	Since time.Time
	// Rows bounds each table.
	Rows int
}

// Blame is whose time that of the slowest exchanges is.
//
// Errors and the slowest of each second are kept for longer than others, so what is said of
// all exchanges, quantiles first, comes from the time alone from which everything is kept.
// Tunnels are left out: they are as long as people talk.
type Blame struct {
	// From and Until bound the time from which everything is kept, Exchanges how many those are.
	From, Until time.Time
	Exchanges   int
	// P50, P90 and P99 are their quantiles; 0 where fewer than aboveLeast are above.
	P50, P90, P99, Slowest time.Duration
	// Tail is nil where they are too few to say which ones are slow.
	Tail *Tail
	// Failures are the ends of those that ended badly, or with a status of 500 and above.
	Failures []Failure
}

// Tail is the slowest part of the exchanges, and where its time went.
type Tail struct {
	// Percent of all exchanges are in it, about: 1, or 10 where there are few. Above is how long
	// each of them took at least.
	Percent int
	Above   time.Duration
	// Exchanges is how many there are from the time from which everything is kept, Longer how many
	// more of before, each the slowest of its second, and LongerFrom when the oldest of these ended.
	Exchanges, Longer int
	LongerFrom        time.Time
	// Took is how long all of them took together. What others are shares of this.
	Took time.Duration

	Parts    []PartTime // those that have any, the longest first
	Backends []BackendTime
	Routes   []NameTime // of a question about all routes
	Clients  []ClientTime
}

// PartTime is one part of the time of a tail.
type PartTime struct {
	Part  Part
	Share float64
	// Usual is how long it is in an exchange that is not in the tail, Mean in one that is.
	Usual, Mean time.Duration
	// Pool and Backend are those with most of it, and BackendShare what these have of it; empty
	// where it is no time of backends. Backends is how many have some of it.
	Pool, Backend string
	BackendShare  float64
	Backends      int
}

// BackendTime is what a backend has of a tail.
type BackendTime struct {
	Pool, Backend string
	// Share is its part of the time, Exchanges how many it has answered of the tail.
	Share     float64
	Exchanges int
	// All is how many it has answered of all exchanges, Slow how many of these are in the tail.
	All, Slow int
	// Siblings is how many other backends of the pool have answered any; SiblingsAll and
	// SiblingsSlow are All and Slow for these.
	Siblings, SiblingsAll, SiblingsSlow int
	// Median is the usual time it has of an exchange that it has answered, SiblingsMedian that of
	// its siblings; 0 where there are too few to say.
	Median, SiblingsMedian time.Duration
}

// NameTime is what a route has of a tail.
type NameTime struct {
	Name      string
	Share     float64
	Exchanges int
}

// ClientTime is what was waited for a client in exchanges of a tail.
type ClientTime struct {
	Client    netip.Addr // invalid for unix sockets
	Share     float64
	Exchanges int
}

// Failure is one end of exchanges that have failed.
type Failure struct {
	End    end.End
	Status int // where the end is the good one
	// Exchanges is how many there are from the time from which everything is kept, Longer how many
	// more are kept of before.
	Exchanges, Longer int
}

const (
	// aboveLeast is how many exchanges have to be above a quantile for it to be told: among fewer
	// one exchange more or less makes it another one.
	aboveLeast = 10
	// medianLeast is how many have to be there for a backend to be compared.
	medianLeast = 20
	// clientsMax bounds the clients of a tail.
	clientsMax = 4096
)

// Blame finds whose time that of the slowest exchanges is. It goes through all records five
// times, some milliseconds each for a hundred thousand, gives way to who carries requests, and
// lets others ask in between. What comes meanwhile is not looked at.
func (c *Recorder) Blame(q *BlameQuery) (*Blame, error) {
	b := &blaming{c: c, q: q, until: time.Now()}
	if q.Route != "" {
		if b.route = c.Names.of(q.Route); b.route == 0 {
			b.isUnknown = true
		}
	}
	for _, pass := range []func() error{b.reach, b.measure, b.takeApart, b.compare} {
		if err := pass(); err != nil {
			return nil, err
		}
	}
	return b.said(), nil
}
