// Package attempt is one try of one exchange against one backend, on the wire: a
// connection that is known to be good, the request, the answer, and what became of it in
// one byte, the Outcome. It decides nothing about which backend, how often, and when.
//
//	transport.go  Attempt: Open, Send, Head, Next, Close; body.go takes content out of
//	              buffers, room.go gives large ones, splice.go goes past them
//	outcome.go    whose fault it was, and may it be repeated
//	clients.go    the connections of one backend under one set of options: a
//	              fasthttp.HostClient for each shard dials and counts them (lease.go), and
//	              shelf.go has those that are idle
//	connect.go    how one begins: the socket, announce.go (a PROXY header), TLS as
//	              dialing.go and trust.go say (tlsfault.go: why it failed); fetch.go
//	              waits for it; streams.go opens one of HTTP/2
//	reuse.go      what is known of a connection in use again; fitness.go looks whether it
//	              is good, idle.go learns when backends close, stray.go and park.go
//	              are about bytes that nobody asked for
//
// Counters and pools are shared by all shards without locks on the hot path; an Attempt
// belongs to one goroutine. It imports pool/socket, pool/wire, pool/end and config.
package attempt
