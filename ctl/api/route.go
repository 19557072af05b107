package api

import "time"

// Kinds of PathMatch.Kind.
const (
	PathAny    = "any"
	PathExact  = "exact"
	PathPrefix = "prefix"
	PathRegex  = "regex"
)

// Kinds of Action.Kind.
const (
	ActionPool     = "pool"
	ActionSplit    = "split"
	ActionRedirect = "redirect"
	ActionRespond  = "respond"
	ActionFiles    = "files"
)

// RouteStatus is one route of GET /api/v1/routes: what it takes, what it does
// with it, and how much it took.
type RouteStatus struct {
	Name string `json:"name"`
	// Listeners are the listeners it serves; empty means all.
	Listeners       []string `json:"listeners"`
	RoutePredicates          //nolint:embeddedstructfieldcheck // in JSON the name stands first
	// Not are sections of predicates: what all of one hold for is not taken.
	Not      []RoutePredicates `json:"not,omitempty"`
	Priority int               `json:"priority"`
	// Middleware are the stages that its requests pass, in their order: those of defaults, its own, and those of chains.
	Middleware []string `json:"middleware"`
	Action     Action   `json:"action"`
	// TimeoutSeconds bounds the exchange until the response header; 0 is no limit.
	TimeoutSeconds float64 `json:"timeout_seconds"`
	// Requests counts the finished exchanges of this route.
	Requests uint64 `json:"requests"`
	// LastUsed is when the last of them ended, to two seconds; absent where there was none since the process began.
	LastUsed *time.Time `json:"last_used,omitempty"`
}

// RoutePredicates are what has to hold together of a request.
type RoutePredicates struct {
	// Hosts are exact names, "*.example.org" or "app.*", HostsRegex regular expressions; both empty means all.
	Hosts      []string  `json:"hosts"`
	HostsRegex []string  `json:"hosts_regex,omitempty"`
	Path       PathMatch `json:"path"`
	// Methods restrict the route; empty means all.
	Methods []string `json:"methods"`
	// Headers and Query are what fields and parameters have to be like.
	Headers map[string]ValueMatch `json:"headers,omitempty"`
	Query   map[string]ValueMatch `json:"query,omitempty"`
	// ClientIPs are networks, SNI names of the TLS handshake, Protocol what the request comes as.
	ClientIPs []string `json:"client_ips,omitempty"`
	SNI       []string `json:"sni,omitempty"`
	Protocol  []string `json:"protocol,omitempty"`
}

// ValueMatch is what a field or a parameter has to be like: one of the three.
type ValueMatch struct {
	// Is is the whole value; "*" takes any.
	Is string `json:"is,omitempty"`
	// Regex is a regular expression that matches somewhere in the value.
	Regex string `json:"regex,omitempty"`
	// Absent says that it must not be there.
	Absent bool `json:"absent,omitempty"`
}

// PathMatch is which paths a route takes.
type PathMatch struct {
	// Kind is any, exact, prefix or regex.
	Kind  string `json:"kind"`
	Value string `json:"value,omitempty"`
}

// Action is what a route does; Kind names the one member that is set.
type Action struct {
	// Kind is pool, split, redirect, respond or files.
	Kind string `json:"kind"`
	// Pool is the pool requests are forwarded to.
	Pool string `json:"pool,omitempty"`
	// Split shares requests between pools by weight.
	Split    map[string]int `json:"split,omitempty"`
	Redirect *Redirect      `json:"redirect,omitempty"`
	Respond  *Respond       `json:"respond,omitempty"`
	Files    *Files         `json:"files,omitempty"`
}

// Redirect is a redirecting action.
type Redirect struct {
	To     string `json:"to"`
	Status int    `json:"status"`
}

// Respond is a fixed response; its body is not repeated here.
type Respond struct {
	Status      int    `json:"status"`
	ContentType string `json:"content_type,omitempty"`
	// BodyBytes is the length of the body in bytes; 0 where a file has it.
	BodyBytes int `json:"body_bytes"`
	// File is where the body stands.
	File string `json:"file,omitempty"`
}

// Files is an action that serves a folder.
type Files struct {
	// Root is the folder.
	Root string `json:"root"`
}

// ListenerStatus is one listener of GET /api/v1/listeners.
type ListenerStatus struct {
	Name string `json:"name"`
	// Address is what is listened on; the port is the real one when the configuration says 0.
	Address string `json:"address"`
	TLS     bool   `json:"tls"`
	// HTTP3 is "open" where HTTP/3 is served and announced, "waiting" while another process
	// has its UDP port, and left out for listeners without http3.
	HTTP3 string `json:"http3,omitempty"`
	// ConnectionsActive carry an exchange now, ConnectionsIdle wait for the next one.
	ConnectionsActive int64 `json:"connections_active"`
	ConnectionsIdle   int64 `json:"connections_idle"`
	// Requests counts the finished exchanges.
	Requests uint64 `json:"requests"`
	// BytesIn and BytesOut count what clients sent and were sent.
	BytesIn  uint64 `json:"bytes_in"`
	BytesOut uint64 `json:"bytes_out"`
}
