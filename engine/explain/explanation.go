package explain

import "time"

// Explanation is what would become of a request, and why. Later parts are absent where the
// request does not come that far.
type Explanation struct {
	// Generation is that of the configuration it was explained with.
	Generation  uint64
	Request     Request
	Listener    Listener
	Client      Client
	Certificate *Certificate // of a listener with TLS
	// Candidates are the routes whose host and path match, in the order in which they are
	// tried, up to the first one behind the winner that would match as well. CandidatesCut:
	// there are more than are shown.
	Candidates    []Candidate
	CandidatesCut bool
	Route         *Route
	Stages        []Stage
	Forward       *Forward // where a backend would be asked
	Reply         *Reply   // where the proxy answers itself
}

// Request is the request as the parser has read it.
type Request struct {
	Method, Host string
	// Target is as it was sent, Path what routes match on.
	Target, Path, Query string
	// Protocol is the version of HTTP, Scheme what the client is believed to speak.
	Protocol, Scheme string
}

// Listener is where the request would come in.
type Listener struct {
	Name, Address string
	TLS           bool
	// Why says why it is this one.
	Why string
}

// Client is who is believed to ask.
type Client struct {
	// Peer is the other end of the connection, Client who is believed to be behind it. Both
	// are empty for a unix socket.
	Peer, Client string
	// Field is the one that trusted peers name their client in.
	Field string
	// Hops are the way from the peer to the client.
	Hops []Hop
}

// Hop is one address on that way.
type Hop struct {
	// Address is as it was said.
	Address string
	// Trusted reports that its word about the one before it is believed.
	Trusted bool
	// Says what it is.
	Says string
}

// Certificate is what a handshake would show.
type Certificate struct {
	// ServerName is the name that is asked for; empty is none.
	ServerName string
	// Name is the first name the certificate is good for, File where it was read from: empty
	// for one that is managed.
	Name, File string
	NotAfter   time.Time
	// Why says why it is this one, or why there is none.
	Why string
	// Refused reports that the handshake ends with an alert.
	Refused bool
	// MinVersion and ClientAuth are the terms of the name.
	MinVersion, ClientAuth string
}

// Candidate is one route that was tried.
type Candidate struct {
	Route, Host, Path string
	// Verdict is won, failed or lost.
	Verdict string
	// Predicate is the key of the first one that failed, Value what the request has in its
	// place.
	Predicate, Value string
	Reason           string
}

// Route is what the request is for.
type Route struct {
	// Name is empty for what a listener does by itself.
	Name, Action string
	// Why says why it goes before the next one.
	Why string
}

// Stage is one stage of the route, in their order.
type Stage struct{ Name, Type, Outcome, Says string }

// Forward is the request as a backend would see it, and which.
type Forward struct {
	Method, Target, Host string
	Fields               []Field
	// Timeout bounds the exchange until the answer's head; 0 is no limit.
	Timeout time.Duration
	// Attempts is how many tries there may be, RetryOn after what, and Repeatable whether
	// the request may be sent twice.
	Attempts   int
	RetryOn    []string
	Repeatable bool
	// Hedge says when another backend is asked too, Mirror who gets a copy; empty is never
	// and nobody.
	Hedge, Mirror string
	Pools         []Pool
}

// Field is one field line for the backend. The value of one that a stage has made is not
// shown where it may be a credential.
type Field struct{ Name, Value string }

// Pool is a pool that the request may go to.
type Pool struct {
	Name string
	// Share is how likely it is, from 0 to 1; 1 is certain.
	Share float64
	// Why says what decides.
	Why       string
	Algorithm string
	// HashOn is what a hashing algorithm looks at.
	HashOn string
	Panic  bool
	// Members are those that are shown, all of the first MembersMax.
	Members    []Member
	MembersCut int // how many are not shown
	// Pick is the address of the member that is certain to be asked, PickWhy what decides.
	Pick, PickWhy string
	// Cause is why nobody can be picked; empty where somebody can.
	Cause string
	// Limit is how its limit of requests in progress stands; empty without one.
	Limit string
}

// Member is a backend of a pool as it stands.
type Member struct {
	Address string
	Weight  int
	Rank    int
	Zone    string
	// State, Health and Breaker are as in the status of pools.
	State, Health, Breaker string
	Up                     bool
	InFlight               int64
	// Share is how likely the first attempt goes there, from 0 to 1; below 0: not known.
	Share float64
}

// Reply is an answer of the proxy.
type Reply struct {
	Status int
	// Cause is the word of X-Isame-Error, Detail the same in words; both are empty where
	// the answer is what was asked for.
	Cause, Detail string
	Location      string
	// By is who answers.
	By string
}

// Bounds of what is shown.
const (
	MembersMax    = 100
	CandidatesMax = 1000
)
