package config

import "testing"

// Routes that ask for what none of their listeners has.
func TestRoutesThatNoListenerServes(t *testing.T) {
	for _, c := range []struct{ name, listeners, route, want string }{
		{"names without TLS", "web: {address: ':0'}", "sni: [a.test]", "routes.all.sni: warning: no request reaches the route: names are asked for in TLS, and its listener web has no tls"},
		{"no HTTP/2 in clear text", "web: {address: ':0'}", "protocol: [h2]", "routes.all.protocol: warning: no request reaches the route: its listener web has no h2"},
		{"h2c", "web: {address: ':0', h2c: true}", "protocol: [h2]", ""},
		{"gRPC without HTTP/2", "web: {address: ':0'}, two: {address: ':1'}", "protocol: [grpc, h3]", "none of its listeners two, web has grpc, h3"},
		{"one of them is enough", "web: {address: ':0'}, two: {address: ':1', h2c: true}", "protocol: [grpc]", ""},
		{"but it has to be one of its own", "web: {address: ':0'}, two: {address: ':1', h2c: true}", "listeners: [web], protocol: [grpc]", "its listener web has no grpc"},
		{"WebSocket is there always", "web: {address: ':0'}", "protocol: [websocket, h3]", ""},
		{"TRACE", "web: {address: ':0'}", "methods: [TRACE]", "TRACE is answered 405"},
		{"TRACE and another", "web: {address: ':0'}", "methods: [TRACE, GET]", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			warnsOnly(t, "listeners: {"+c.listeners+"}\nroutes: {all: {pool: p, "+c.route+"}}\npools: {p: {backends: [{address: 'a:1'}]}}\n", c.want)
		})
	}
}
