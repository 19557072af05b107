package api

import (
	"encoding/json"
	"errors"
	"time"
)

// ExplainRequest is the request that POST /api/v1/explain is about. It is not sent.
type ExplainRequest struct {
	// Method is GET where nothing is said, POST for grpc.
	Method string `json:"method,omitempty"`
	// URL is absolute, begins with a host, or with / where the field Host names that.
	URL string `json:"url"`
	// Headers are the field lines by name; a value is text or a list of them.
	Headers map[string]HeaderValues `json:"headers,omitempty"`
	// PeerIP is the other end of the socket, from where X-Forwarded-For is walked; 127.0.0.1 where nothing is said.
	PeerIP string `json:"peer_ip,omitempty"`
	// Listener is a name or an address; without it the first one that fits the URL is taken.
	Listener string `json:"listener,omitempty"`
	// SNI is the name of the TLS handshake, empty for none; without it the host of the URL.
	SNI *string `json:"sni,omitempty"`
	// Protocol is http1, h2, h3, grpc or websocket; http1 where nothing is said.
	Protocol string `json:"protocol,omitempty"`
	// Config is a whole configuration that it is explained with in place of the one that runs; it is not applied. Needs role
	// write.
	Config *ConfigText `json:"config,omitempty"`
	// ConfigFormat is that of a Config that is text: yaml, json or toml; yaml where nothing is said.
	ConfigFormat string `json:"config_format,omitempty"`
}

// HeaderValues are the values of one name: text, or a list.
type HeaderValues []string

var errHeaderValues = errors.New("the value of a header is text, or a list of texts")

// UnmarshalJSON reads text as a list of one.
func (v *HeaderValues) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil && string(data) != "null" {
		*v = HeaderValues{one}
		return nil
	}
	var all []string
	if err := json.Unmarshal(data, &all); err != nil || all == nil {
		return errHeaderValues
	}
	*v = all
	return nil
}

// Explanation is what would become of a request, and why. What it does not come to is left out.
type Explanation struct {
	// Generation is that of the configuration it was explained with or, with config in the question, of the one that runs.
	Generation uint64 `json:"generation"`
	// Candidate says that it was explained with the config of the question.
	Candidate bool `json:"candidate,omitempty"`
	// Summary is the outcome in one sentence.
	Summary     string                `json:"summary"`
	Request     ExplainedRequest      `json:"request"`
	Listener    ExplainedListener     `json:"listener"`
	Client      ExplainedClient       `json:"client"`
	Certificate *ExplainedCertificate `json:"certificate,omitempty"`
	// Candidates are the routes whose host and path match, in the order in which they are tried, up to the first one behind
	// the winner that would match as well.
	Candidates []ExplainedCandidate `json:"candidates"`
	// CandidatesCut says that there are more candidates than are shown.
	CandidatesCut bool            `json:"candidates_cut,omitempty"`
	Route         *ExplainedRoute `json:"route,omitempty"`
	// Middleware are the stages of the route, in their order.
	Middleware []ExplainedStage `json:"middleware"`
	// Forward is the request as a backend would see it, and which.
	Forward *ExplainedForward `json:"forward,omitempty"`
	// Answer is where the proxy answers itself.
	Answer *ExplainedAnswer `json:"answer,omitempty"`
}

// ExplainedRequest is the request as the parser has read it.
type ExplainedRequest struct {
	Method string `json:"method"`
	Host   string `json:"host"`
	// Target is as it was sent, Path what routes match on: decoded, dot segments resolved, slashes merged.
	Target string `json:"target"`
	Path   string `json:"path,omitempty"`
	Query  string `json:"query,omitempty"`
	// Protocol is the version of HTTP.
	Protocol string `json:"protocol,omitempty"`
	// Scheme is what the client is believed to speak.
	Scheme string `json:"scheme,omitempty"`
}

// ExplainedListener is where the request would come in.
type ExplainedListener struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	TLS     bool   `json:"tls"`
	// Why says why it is this one.
	Why string `json:"why"`
}

// ExplainedClient is who is believed to ask.
type ExplainedClient struct {
	// Peer is the other end of the socket, Client who is believed to be behind it; both are empty for a unix socket.
	Peer   string `json:"peer"`
	Client string `json:"client"`
	// Field is the one in which trusted peers name their client.
	Field string `json:"field,omitempty"`
	// Hops are the way from the peer to the client.
	Hops []ExplainedHop `json:"hops"`
}

// ExplainedHop is one address on the way to the client.
type ExplainedHop struct {
	// Address is as it was said.
	Address string `json:"address"`
	// Trusted says that its word about the one before it is believed.
	Trusted bool   `json:"trusted"`
	Says    string `json:"says"`
}

// ExplainedCertificate is what the TLS handshake would show.
type ExplainedCertificate struct {
	ServerName string `json:"server_name"`
	// Name is the first name the certificate is good for.
	Name string `json:"name,omitempty"`
	// File is where it was read from; absent for one that is managed.
	File     string     `json:"file,omitempty"`
	NotAfter *time.Time `json:"not_after,omitempty"`
	// Why says why it is this one, or why there is none.
	Why string `json:"why"`
	// Refused says that the handshake ends with an alert.
	Refused bool `json:"refused,omitempty"`
	// MinVersion and ClientAuth are the terms of the name.
	MinVersion string `json:"min_version,omitempty"`
	ClientAuth string `json:"client_auth,omitempty"`
}

// ExplainedCandidate is one route that was tried.
type ExplainedCandidate struct {
	Route string `json:"route"`
	// Host and Path are the patterns of the route that the request matches.
	Host string `json:"host"`
	Path string `json:"path"`
	// Verdict is won, failed or lost.
	Verdict string `json:"verdict"`
	// Predicate is the key of the first one that failed, Value what the request has in its place.
	Predicate string `json:"predicate,omitempty"`
	Value     string `json:"value,omitempty"`
	Reason    string `json:"reason"`
}

// ExplainedRoute is the route that takes the request.
type ExplainedRoute struct {
	// Name is empty for what a listener does by itself.
	Name   string `json:"name"`
	Action string `json:"action"`
	// Why says why it goes before the next one.
	Why string `json:"why"`
}

// ExplainedStage is what one stage would do, as far as that can be said without doing it.
type ExplainedStage struct {
	Name string `json:"name"`
	Type string `json:"type"`
	// Outcome is passes, answers, resets, unsure (chance, or somebody who is not asked, decides), skipped or unreached.
	Outcome string `json:"outcome"`
	Says    string `json:"says"`
}

// ExplainedForward is the request as a backend would see it, and which.
type ExplainedForward struct {
	Method string `json:"method"`
	// Target is path and query.
	Target string `json:"target"`
	Host   string `json:"host"`
	// Headers are the other field lines; *** stands for a value that a stage has made.
	Headers []ExplainedField `json:"headers"`
	// TimeoutSeconds bounds the exchange until the answer's head; 0 is no limit.
	TimeoutSeconds float64 `json:"timeout_seconds"`
	// Attempts is how many tries there may be, RetryOn after what.
	Attempts int      `json:"attempts"`
	RetryOn  []string `json:"retry_on"`
	// Repeatable says that the request may be sent again after something was sent.
	Repeatable bool `json:"repeatable"`
	// Hedge says when another backend is asked too, Mirror who gets a copy.
	Hedge  string          `json:"hedge,omitempty"`
	Mirror string          `json:"mirror,omitempty"`
	Pools  []ExplainedPool `json:"pools"`
}

// ExplainedField is one field line.
type ExplainedField struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ExplainedPool is a pool that the request may go to.
type ExplainedPool struct {
	Name string `json:"name"`
	// Share is how likely it is, from 0 to 1; 1 is certain.
	Share float64 `json:"share"`
	// Why says what decides.
	Why       string `json:"why"`
	Algorithm string `json:"algorithm"`
	// HashOn is what a hashing algorithm looks at.
	HashOn string `json:"hash_on,omitempty"`
	Panic  bool   `json:"panic,omitempty"`
	// Backends are the first ones, with the one that is picked.
	Backends []ExplainedBackend `json:"backends"`
	// BackendsCut is how many are not shown.
	BackendsCut int `json:"backends_cut,omitempty"`
	// Pick is the address of the backend that is certain to be asked.
	Pick string `json:"pick,omitempty"`
	// PickWhy says what decides whom of them.
	PickWhy string `json:"pick_why"`
	// Cause is why nobody can be picked.
	Cause string `json:"cause,omitempty"`
	// Limit is how its limit of requests in progress stands.
	Limit string `json:"limit,omitempty"`
}

// ExplainedBackend is a backend as it stands.
type ExplainedBackend struct {
	Address string `json:"address"`
	Weight  int    `json:"weight"`
	// Rank is 0 for primaries.
	Rank    int    `json:"rank"`
	Zone    string `json:"zone,omitempty"`
	State   string `json:"state"`
	Health  string `json:"health"`
	Breaker string `json:"breaker"`
	// Up says that it may be picked now.
	Up       bool  `json:"up"`
	InFlight int64 `json:"in_flight"`
	// Share is how likely the first attempt goes there, from 0 to 1; absent where that is not known.
	Share *float64 `json:"share,omitempty"`
}

// ExplainedAnswer is an answer of the proxy.
type ExplainedAnswer struct {
	// Status is absent where the connection ends without an answer, and for files.
	Status int `json:"status,omitempty"`
	// Cause is the word of X-Isame-Error, Detail the same in words.
	Cause    string `json:"cause,omitempty"`
	Detail   string `json:"detail,omitempty"`
	Location string `json:"location,omitempty"`
	// By is who answers.
	By string `json:"by"`
}
