// Package engine carries a request from socket to socket.
//
// To follow one request, read in this order:
//
//	shard.go     a connection is accepted: one socket and one fasthttp server a core
//	conn.go      the keep-alive loop of a connection: serveConn
//	exchange.go  one request: serve reads the head, finds the route, decides
//	request.go   the head as backends see it
//	forward.go   the retry loop: pick, acquire, send, judge, release
//	upload.go    the part of a body that did not come with its head
//	relay.go     the answer, as it comes
//	reject.go    answers the proxy makes itself; respond.go those a route makes
//
// table.go is what all of that reads of a configuration, engine.go replaces it
// (Apply) and ends everything (Shutdown). Control flow lives in serve and
// forward; the other steps are leaves.
//
// cmd imports it. It imports pool and config, and never ctl.
package engine
