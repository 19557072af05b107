package explain

import "time"

// Plan is what a configuration would do to what runs, beside the difference itself.
type Plan struct {
	Connections []Connections
	Keys        []Keys
	Limiters    []Limiter
	Sockets     []Socket
	Replay      Replay
}

// Words of Connections.Change.
const (
	Changes = "changed"
	Goes    = "removed"
)

// Connections are those that live on something that changes or goes.
type Connections struct {
	// Kind is listener, route or pool.
	Kind, Name, Change string
	// Tunnels were switched to another protocol, as WebSockets are. Of listeners, Streams are
	// the open streams of HTTP/2 and HTTP/3, Active the connections inside an exchange, and
	// Idle those that wait for one. InProgress are the attempts at backends of a pool, with
	// its tunnels.
	Tunnels, Streams, Active, Idle, InProgress int64
	// Then says what becomes of them.
	Then string
}

// Keys are those of a hash, or of sticky sessions, that move.
type Keys struct {
	// Kind is pool or route, By what decides: hash_on, sticky or split_on.
	Kind, Name, By string
	// Share is the part that moves, from 0 to 1; below 0: it is not known.
	Share float64
	// Says says why, or how it was found out.
	Says string
}

// Limiter is a limiter that begins anew.
type Limiter struct {
	Stage, Type string
	// Keys is how many it holds now.
	Keys int
	Says string
}

// Words of Socket.Action.
const (
	Binds  = "bound"
	Closes = "closed"
)

// Socket is a listening socket that is opened or closed.
type Socket struct {
	Listener string
	// Network is tcp, udp or unix.
	Network, Address, Action string
}

// Replay is what would become of requests that were served.
type Replay struct {
	// Requests were replayed, of at most Kept that are kept; Stale ones had come by a
	// listener that is gone.
	Requests, Kept, Stale int
	// Window is how long ago the oldest one was served.
	Window time.Duration
	// Changed are those that anything changes for.
	Changed                        int
	Routes, Pools, Stages, Answers Differences
	// Blind are predicates that look at what is not kept: for them the replay does not tell.
	Blind []string
}

// Differences are those of one kind.
type Differences struct {
	// Requests is how many differ.
	Requests int
	// Kinds is how many pairs of before and after there are, of which Examples has the most
	// frequent ones, ExamplesMax at most.
	Kinds    int
	Examples []Difference
}

// Bounds of a replay.
const (
	ExamplesMax = 10
	// DifferencesMax bounds the pairs that are told apart; what comes behind is counted.
	DifferencesMax = 10_000
	// BlindMax bounds Replay.Blind.
	BlindMax = 100
)

// Difference is a pair of before and after, with one of the requests that it is about.
type Difference struct {
	Before, After string
	// Requests is how many have this pair.
	Requests                                     int
	Method, Host, Path, Listener, Peer, Protocol string
}
