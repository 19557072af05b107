// Package engine carries a request from socket to socket.
//
// To follow one request, read in this order:
//
//	shard.go     a connection is accepted: one socket and one fasthttp server a core
//	preamble.go  what a connection says before its first request: a PROXY header,
//	             and in secure.go a TLS handshake; and what backends are told of it
//	conn.go      a connection in its event loop: Ready, one step after the other
//	step.go      one request in the loop: step reads the head, finds the route,
//	             decides; take gives what has to wait to a goroutine (goOn)
//	exchange.go  what a request is, and the leaves that step calls
//	request.go   the head as backends see it, and who the client is
//	admission.go a slot where the pool bounds its exchanges in progress, or the wait for one
//	patience.go  how an exchange waits for what no socket of its own tells;
//	             leave.go what it means that its client leaves
//	forward.go   the retry loop: pick, acquire, send, judge, release
//	retry.go     whether an attempt is repeated: package retry decides, this asks
//	upload.go    the part of a body that did not come with its head
//	relay.go     the answer, as it comes
//	tunnel.go    what becomes of it when the backend switches to another protocol
//	session.go   connections of HTTP/2: package http2 makes a connection of each stream
//	quic.go      connections of HTTP/3, over UDP: package http3 does the same for these;
//	             what both make of a message is package stream
//	answer.go    what the proxy says itself; package answer renders that, and every
//	             response head
//
// What TLS adds: secure.go (handshakes, certificates by package certs), acme.go
// (certificates of an ACME server by package certs/acme, and its challenges).
//
// Leaves that know of no exchange are packages of their own: trust (which peers and
// fields are believed), route, retry, answer, limit (connections of one client), certs
// and observe.
//
// table.go is what all of that reads of a configuration, engine.go replaces it
// (Apply), opening.go opens what it listens on, in two steps, drain.go ends
// listeners and everything (Shutdown). Control flow lives in step, answerStep and
// attemptsFrom; the other steps are leaves.
//
// Loop and goroutine run the same code. In the loop, reads and writes fail with
// socket.ErrWouldBlock instead of waiting, which the attempt reports as
// attempt.Pending: the loop then waits for the event of one socket (a request head,
// an answer, the next piece of content), and hands everything else over: a dial,
// a body that has not come yet, a retry, a client that reads slowly. Measured
// side by side, 64 connections, small answers: 0.84 times the CPU of a goroutine
// for each connection, and an idle connection costs no stack.
//
// cmd imports it. It imports pool and config, and never ctl.
package engine
