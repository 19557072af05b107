package proxies

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/http2"
)

// scenario is one kind of load.
type scenario struct {
	name        string
	title       string
	path        string
	bodyBytes   int // of the request, sent by POST
	connections int
	rate        float64 // open loop; 0: closed loop
	ofPeak      float64 // open loop at this share of the slowest contender's closed-loop rate
	newEach     bool    // a new connection for each request
	perConn     int     // a new connection after so many requests; 0: none
	websocket   bool    // the body is sent as messages of WebSocket, and comes back
	beside      int     // connections that load what is large meanwhile, from a backend of its own; Caddy does not take part
	backends    int     // 0: one
	secure      bool    // TLS 1.3 with the proxy
	resume      bool    // new connections resume a TLS session
	streams     int     // HTTP/2, so many requests at once on each connection; sent by h2load
	idle        int     // idle connections opened instead of sending load
	hold        holder  // opens one of them
	tunnels     bool    // the proxy must let clients change the protocol
	http2       bool    // the backends speak HTTP/2 in clear text: nghttpd. Isame and HAProxy alone take part
	apart       bool    // the origin writes head and content apart, without TCP_NODELAY
	logged      bool    // the proxy logs each request
	stages      *stages // what it does beside forwarding; contenders without words for them do not take part
	header      []string
	named       bool // measured only when it is asked for by its name
}

// scenarios are all there are, in the order of the table.
func scenarios() []scenario {
	return []scenario{
		{name: "small", title: "small keep-alive, saturated, 64 connections", path: "/", connections: 64},
		{name: "logged", title: "small, each request in the access log", path: "/", connections: 64, logged: true},
		{name: "rate2k", title: "2,000/s on idle cores", path: "/", connections: 64, rate: 2000},
		{name: "rate10k", title: "10,000/s on idle cores", path: "/", connections: 64, rate: 10000},
		{name: "p99", title: "60 % of saturation, open loop", path: "/", connections: 64, ofPeak: 0.6},
		{name: "16k", title: "16 KiB body", path: "/?size=16KiB", connections: 64},
		{name: "1m", title: "1 MiB body", path: "/?size=1MiB", connections: 16},
		{name: "post64k", title: "POST 64 KiB", path: "/", bodyBytes: 64 << 10, connections: 32},
		{name: "newconn", title: "new connection each request", path: "/", connections: 32, newEach: true},
		{name: "conn10", title: "a new connection for each ten requests", path: "/", connections: 32, perConn: 10},
		{name: "conns4096", title: "4,096 connections", path: "/", connections: 4096},
		{name: "backends1000", title: "1,000 backends", path: "/", connections: 64, backends: 1000},
		{name: "tls", title: "TLS 1.3 keep-alive, 64 connections", path: "/", connections: 64, secure: true},
		{name: "tls_16k", title: "TLS 1.3, 16 KiB body", path: "/?size=16KiB", connections: 64, secure: true},
		{name: "tls_new", title: "TLS 1.3, full handshake each request", path: "/", connections: 16, newEach: true, secure: true},
		{
			name: "tls_resumed", title: "TLS 1.3, resumed handshake each request", path: "/", connections: 16, newEach: true,
			secure: true, resume: true,
		},
		{name: "h2", title: "HTTP/2 over TLS, 16 connections x 8 streams", path: "/", connections: 16, streams: 8, secure: true},
		{name: "h2c", title: "HTTP/2 to the backend, 64 connections of HTTP/1.1", path: "/", connections: 64, http2: true},
		{name: "h2h2", title: "HTTP/2 in clear text to HTTP/2, 16 connections x 8 streams", path: "/", connections: 16, streams: 8, http2: true},
		{
			name: "ws", title: "WebSocket, messages of 128 bytes and back, 64 tunnels", path: "/upgrade", bodyBytes: 128, connections: 64,
			websocket: true, tunnels: true,
		},
		{
			name: "ws64k", title: "WebSocket, messages of 64 KiB and back, 16 tunnels", path: "/upgrade", bodyBytes: 64 << 10, connections: 16,
			websocket: true, tunnels: true,
		},
		{name: "downloads", title: "8 connections of small requests beside 16 downloads of 100 MiB", path: "/", connections: 8, beside: 16},
		{name: "idle10k", title: "10,000 idle connections", idle: 10000, hold: holder{ask: askPlain}},
		{name: "idle_tls", title: "10,000 idle connections, TLS 1.3", idle: 10000, hold: holder{ask: askPlain}, secure: true},
		{
			name: "idle_h2", title: "10,000 idle connections, HTTP/2 over TLS", idle: 10000,
			hold: holder{http2.NextProtoTLS, askHTTP2}, secure: true,
		},
		{
			name: "chain", title: "rate limit, 5 fields, rewritten path, 4 security fields", path: "/api/", connections: 64,
			stages: chained(), named: true,
		},
		{
			name: "compress", title: "16 KiB of JSON by gzip", path: "/json", connections: 64,
			stages: compressed(), header: []string{"Accept-Encoding: gzip"}, named: true,
		},
		{name: "handler", title: "a handler of fasthttp that does nothing", path: "/", connections: 64, stages: handled(), named: true},
		{
			name: "files16k", title: "a file of 16 KiB from the proxy's own disk", path: "/files/16k.bin", connections: 64,
			stages: served("16k.bin", 16<<10), named: true,
		},
		{
			name: "files1m", title: "a file of 1 MiB from the proxy's own disk", path: "/files/1m.bin", connections: 16,
			stages: served("1m.bin", 1<<20), named: true,
		},
		{name: "apart", title: "500/s, head and content written apart by the backend", path: "/", connections: 64, rate: 500, apart: true},
		{name: "tunnels", title: "10,000 idle WebSocket tunnels", idle: 10000, hold: holder{ask: askTunnel}, tunnels: true},
	}
}

// takesPart reports that a contender can do what the scenario is about.
func (s scenario) takesPart(name string) bool {
	switch {
	case s.http2 && name != isame && name != before && name != haproxy, s.beside > 0 && name == caddy:
		return false
	}
	return s.stages.takesPart(name)
}

// needs are the programs that the scenario does not go without.
func (s scenario) needs() (programs []string) {
	if s.streams > 0 {
		programs = append(programs, h2load)
	}
	if s.http2 {
		programs = append(programs, nghttpd)
	}
	return programs
}

// ScenarioNames are the names Options.Scenarios may hold.
func ScenarioNames() []string {
	out := make([]string, 0, len(scenarios()))
	for _, s := range scenarios() {
		out = append(out, s.name)
	}
	return out
}

// choose returns the scenarios of the given names; none given: all that need not be named.
func choose(wanted []string) ([]scenario, error) {
	all := scenarios()
	if len(wanted) == 0 {
		return slices.DeleteFunc(all, func(s scenario) bool { return s.named }), nil
	}
	var out []scenario
	for _, name := range wanted {
		n := len(out)
		for _, s := range all {
			if s.name == name {
				out = append(out, s)
			}
		}
		if len(out) == n {
			return nil, fmt.Errorf("cannot find the scenario %q: there are %s", name, strings.Join(ScenarioNames(), ", "))
		}
	}
	return out, nil
}
