// Package load drives HTTP/1.1 requests at a target and measures the answers.
//
// One worker goroutine per core owns many non-blocking sockets in one epoll
// set; a request in steady state is one write, one read and a share of one
// epoll_wait, and allocates nothing. In the closed loop every connection sends
// its next request when the last one is answered. In the open loop requests
// are due at times fixed in advance, and their latency counts from that time,
// so a target that stalls cannot hide the requests it kept waiting.
package load

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"runtime"
	"strings"
	"time"
)

// Plan says what to send, how much of it, and for how long. Run copies it.
type Plan struct {
	// URL is http:// or https://, with the path and query that requests ask
	// for. Required.
	URL string
	// Unix is the path of a unix socket to connect to instead of the URL's host.
	Unix string
	// Method, Header ("Name: value") and Body make the one request sent again
	// and again. Method is GET when empty, POST when there is a Body.
	Method string
	Header []string
	Body   []byte
	// Requests are cycled instead of that one request; Header applies to each.
	Requests []Request

	// Connections is how many are open at once; at least 1.
	Connections int
	// Threads is how many workers share them; 0: one per usable core.
	Threads int
	// Duration is how long requests are started for, after Warmup. 0: until Count.
	Duration time.Duration
	// Count is how many requests are sent after Warmup. 0: until Duration is over.
	Count int64
	// Rate is the number of requests due each second (open loop). 0: closed loop.
	Rate float64
	// Poisson draws the gaps between due times from an exponential distribution
	// instead of making them equal. Seed makes them repeatable.
	Poisson bool
	Seed    uint64
	// Warmup is how long requests are sent before any is counted.
	Warmup time.Duration
	// Timeout bounds a request from its send (connecting included) to its last
	// byte. 0: 10 s.
	Timeout time.Duration
	// NoKeepAlive opens a new connection for each request.
	NoKeepAlive bool
	// PerConnection is after how many answers a connection is closed. 0: never.
	PerConnection int
	// WebSocket upgrades each connection and sends Body as messages, one after the other: the
	// answer to each is one message of the server, and counts as a 101. Pings are not answered.
	WebSocket bool
	// TLS configures https targets. Nil: the server's certificate is verified
	// against the system's roots for the URL's host.
	TLS *tls.Config
	// Begin and End are called, when not nil, right before the first request, with
	// the connections open, and after the last answer, before they are closed:
	// what a target uses in between was used for Result.Handled requests.
	Begin, End func()
	// Progress is called about four times a second by a goroutine of Run's own.
	Progress func(Progress)
}

// Request is one entry of Plan.Requests.
type Request struct {
	Method string
	Path   string
	Body   []byte
}

// Progress is a look at a run that is going on.
type Progress struct {
	Elapsed  time.Duration
	Total    time.Duration // 0: ends by count
	Warm     bool          // warm-up is over
	Requests uint64        // answers so far, after warm-up
	Errors   uint64
	Rate     float64       // answers a second since the last call
	P50      time.Duration // of the last complete interval
	P99      time.Duration
	Count    int64 // Plan.Count
}

const (
	timeoutDefault = 10 * time.Second
	threadsMax     = 256
	connectionsMax = 1 << 20
	rateMax        = 50e6
)

// target is a resolved Plan: what the workers need, read-only.
type target struct {
	Plan
	address string // host:port or socket path, for messages
	dial    func() sockaddr
	tls     *tls.Config // nil: clear text
	calls   []call
	opening []byte // handshake of WebSocket; nil: plain requests
}

// resolve checks the plan, fills in defaults, resolves the host and builds the
// request bytes.
func resolve(p Plan) (*target, error) {
	t := &target{Plan: p}
	if err := t.bounds(); err != nil {
		return nil, err
	}
	u, err := url.Parse(p.URL)
	if err != nil {
		return nil, fmt.Errorf("cannot read the URL: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("cannot use the URL %q: it must start with http://HOST or https://HOST", p.URL)
	}
	if err := t.findAddress(u); err != nil {
		return nil, err
	}
	if u.Scheme == "https" {
		t.tls = clientConfig(p.TLS, u.Hostname())
	}
	if p.WebSocket {
		t.opening, t.calls, err = buildMessages(p, u)
	} else {
		t.calls, err = buildCalls(p, u)
	}
	return t, err
}

// bounds fills in defaults and refuses what cannot be run.
func (t *target) bounds() error {
	if t.Threads == 0 {
		t.Threads = runtime.GOMAXPROCS(0)
	}
	t.Connections = max(t.Connections, 1)
	t.Threads = min(max(t.Threads, 1), t.Connections, threadsMax)
	if t.Timeout <= 0 {
		t.Timeout = timeoutDefault
	}
	switch {
	case t.Duration <= 0 && t.Count <= 0:
		return errors.New("cannot run without an end: give a duration or a number of requests")
	case t.Connections > connectionsMax:
		return fmt.Errorf("cannot open %d connections: at most %d", t.Connections, connectionsMax)
	case t.PerConnection < 0:
		return fmt.Errorf("cannot send %d requests by each connection", t.PerConnection)
	case t.Rate < 0 || t.Rate > rateMax:
		return fmt.Errorf("cannot send %g requests a second: at most %g", t.Rate, rateMax)
	}
	return nil
}

// findAddress resolves where to connect to, once: the first address that the
// system's resolver gives.
func (t *target) findAddress(u *url.URL) error {
	if t.Unix != "" {
		t.address, t.dial = t.Unix, func() sockaddr { return unixAddress(t.Unix) }
		return nil
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	t.address = net.JoinHostPort(u.Hostname(), port)
	a, err := net.ResolveTCPAddr("tcp", t.address)
	if err != nil {
		return fmt.Errorf("cannot resolve %q: %w", t.address, err)
	}
	t.dial = func() sockaddr { return tcpAddress(a) }
	return nil
}

func clientConfig(given *tls.Config, host string) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if given != nil {
		c = given.Clone()
	}
	if c.ServerName == "" {
		c.ServerName = strings.TrimSuffix(host, ".")
	}
	c.NextProtos = []string{"http/1.1"}
	return c
}
