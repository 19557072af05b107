package api

import "time"

// Blame says whose time that of the slowest exchanges is.
type Blame struct {
	// Summary says it in words.
	Summary string `json:"summary"`
	// Concluded says that there are enough exchanges to say anything.
	Concluded bool `json:"concluded"`
	// Route is the one that was asked for; absent are all.
	Route string `json:"route,omitempty"`
	// Exchanges is how many it rests on: all that ended From Until, of which every one is kept. Tunnels are left out.
	Exchanges int       `json:"exchanges"`
	From      time.Time `json:"from"`
	Until     time.Time `json:"until"`
	// P50MS, P90MS and P99MS are their quantiles; absent where fewer than 10 are above. SlowestMS is the longest of them.
	P50MS     *float64 `json:"p50_ms,omitempty"`
	P90MS     *float64 `json:"p90_ms,omitempty"`
	P99MS     *float64 `json:"p99_ms,omitempty"`
	SlowestMS float64  `json:"slowest_ms"`
	// Tail is absent where there are too few.
	Tail *BlameTail `json:"tail,omitempty"`
	// Failures are the ends of what ended badly, or with a status of 500 and above, whatever time it took.
	Failures []BlameFailure `json:"failures"`
}

// BlameTail is the slowest part of the exchanges, and where its time went. Every share is one of the time that all of
// it took together, 0 to 1.
type BlameTail struct {
	// Percent of the exchanges are in it: 1, or 10 where there are fewer than 1,000.
	Percent int `json:"percent"`
	// AboveMS is how long each of them took at least.
	AboveMS float64 `json:"above_ms"`
	// Exchanges is how many of Blame.Exchanges are in it; KeptLonger how many more from before Blame.From, as the slowest of
	// each second is kept for longer, the oldest one from KeptFrom.
	Exchanges  int        `json:"exchanges"`
	KeptLonger int        `json:"kept_longer"`
	KeptFrom   *time.Time `json:"kept_from,omitempty"`
	// Phases are what the time went by, the longest first.
	Phases []BlamePhase `json:"phases"`
	// Backends are those whose time it is, Routes where it was asked for all, Clients those that were waited for in more than
	// half of an exchange.
	Backends []BlameBackend `json:"backends"`
	Routes   []BlameRoute   `json:"routes,omitempty"`
	Clients  []BlameClient  `json:"clients"`
}

// BlamePhase is what one part of an exchange has of the time.
type BlamePhase struct {
	// Phase is read (the head of the request is awaited), body (its content is), admit (stages, the wait for a place), retry
	// (attempts whose answer was not taken), pause (between attempts), connect, answer (the first byte is awaited), relay (the rest
	// is), send (the client takes it) or own (answers of the proxy).
	Phase string `json:"phase"`
	// Side is whose time it is, with its network: client, backend or proxy. Meaning says the phase in words.
	Side    string `json:"side"`
	Meaning string `json:"meaning"`
	// Share of the tail; MeanMS in one exchange of it, UsualMS in one of the others.
	Share   float64 `json:"share"`
	MeanMS  float64 `json:"mean_ms"`
	UsualMS float64 `json:"usual_ms"`
	// Pool and Backend have most of it, BackendShare of this phase; Backends is how many have any. Absent where it is no time of backends.
	Pool         string  `json:"pool,omitempty"`
	Backend      string  `json:"backend,omitempty"`
	BackendShare float64 `json:"backend_share,omitempty"`
	Backends     int     `json:"backends,omitempty"`
}

// BlameBackend is what one backend has of the time: connections to it, the wait for its answers, and attempts at it in vain.
type BlameBackend struct {
	Pool    string `json:"pool"`
	Backend string `json:"backend"`
	// Share of the tail; TailExchanges is how many of the tail it has answered, or was asked last for.
	Share         float64 `json:"share"`
	TailExchanges int     `json:"tail_exchanges"`
	// Exchanges is how many of Blame.Exchanges those are, and TailRate which share of them is in the tail.
	Exchanges int     `json:"exchanges"`
	TailRate  float64 `json:"tail_rate"`
	// Siblings is how many other backends of the pool have answered any, SiblingsTailRate their TailRate.
	Siblings         int     `json:"siblings"`
	SiblingsTailRate float64 `json:"siblings_tail_rate"`
	// MedianMS is the median of what it takes for an exchange, and SiblingsMedianMS that of its siblings; absent below 20 of them.
	MedianMS         *float64 `json:"median_ms,omitempty"`
	SiblingsMedianMS *float64 `json:"siblings_median_ms,omitempty"`
	// Slower is how many times as long as its siblings it takes, by these medians.
	Slower *float64 `json:"slower,omitempty"`
}

// BlameRoute is what one route has of the time.
type BlameRoute struct {
	// Route is empty for what belongs to none.
	Route         string  `json:"route"`
	Share         float64 `json:"share"`
	TailExchanges int     `json:"tail_exchanges"`
}

// BlameClient is how long one client was waited for.
type BlameClient struct {
	// Client is an address, empty for unix sockets.
	Client        string  `json:"client"`
	Share         float64 `json:"share"`
	TailExchanges int     `json:"tail_exchanges"`
}

// BlameFailure is how exchanges have failed.
type BlameFailure struct {
	// Cause is a word of the list of ends, Side whose doing it was; ok is an answer of the status that is said.
	Cause   string `json:"cause"`
	Side    string `json:"side"`
	Meaning string `json:"meaning"`
	Status  int    `json:"status,omitempty"`
	// Exchanges is how many there are of Blame.Exchanges, Share which part of these; KeptLonger how many more are kept from before.
	Exchanges  int     `json:"exchanges"`
	Share      float64 `json:"share"`
	KeptLonger int     `json:"kept_longer"`
}
