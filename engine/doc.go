// Package engine carries a request from socket to socket.
//
// Every file of it, in the order in which a request meets them. One that is forwarded
// enters each file of its way once:
//
//	shard.go     a connection is accepted: one socket a core
//	preamble.go  what it says before its first request: a PROXY header, and in
//	secure.go    a TLS handshake; certificates are package certs, those of an ACME
//	             server too, and what a name asks of its clients is certs/terms
//	conn.go      what a connection is, and how it ends
//	serve.go     what the loop does with one: Ready, one step after the other
//	advance.go   what carries an exchange from one phase to the next, in the loop (step)
//	             or in a worker that has taken it over (take, package worker); what becomes of one
//	             that meets a bug (rescue)
//	phase.go     the table of its phases
//	exchange.go  what it keeps, grouped by phase
//	read.go      the head of the request is read, and its route found
//	stages.go    the stages of that route (package middleware) have their say, and later see
//	             the answer
//	facts.go     beside it, what they see of the exchange
//	carry.go     and how one has the rest of the exchange run inside of it
//	files.go     a file of the route's folder, found and sent: package files
//	forward.go   a pool, a slot of it, and a backend: the one the client belongs to, or a pick
//	request.go   the head as backends see it, and who the client is
//	attempt.go   one attempt, from the connection to the head of the answer
//	upload.go    beside it, the part of a body that did not come with its head
//	hedge.go     when the answer is late: another backend is asked, too
//	rival.go     that other attempt
//	retry.go     when it has failed: is it repeated; package retry decides, this asks
//	leave.go     how an exchange waits for what no socket of its own tells, what it means
//	             that its client leaves, and what an attempt gives back (release)
//	relay.go     the answer, as it comes
//	tunnel.go    what becomes of it when the backend switches to another protocol, and how
//	             that ends when the proxy does
//	answer.go    or what the proxy says itself; package answer renders that, and every
//	             response head
//	finish.go    it is counted, logged and recorded (package record, which has noted its
//	             attempts meanwhile), and what the client still sends is dropped
//
// What speaks something else than HTTP/1.1 over TCP looks like a connection:
//
//	session.go   connections of HTTP/2: package http2 makes a connection of each stream
//	quic.go      connections of HTTP/3, over UDP: package http3 does the same for these;
//	             what both make of a message is package stream
//
// What would become of a request that nobody has sent:
//
//	imagined.go  an exchange over a connection that nobody has made, and its fate in short
//	explain.go   what it meets, in words: package explain
//
// What a configuration that does not run would do:
//
//	plan.go      its table, next to the one that runs, and what that does to connections,
//	             keys, limits, sockets, and the requests of a sample (package sample, which
//	             finish.go fills), of which package replay compares what becomes
//
// And what all of that stands on:
//
//	listener.go  a listener: its sockets, one for each shard, and how those of a
//	             configuration are opened, in two steps
//	table.go     what exchanges read of a configuration
//	kept.go      and what one takes over of that before
//	engine.go    what all shards share, and what there is to see of what runs
//	inventory.go what a configuration has made: certificates, limits
//	apply.go     how one configuration replaces another
//	drain.go     how listeners end, and everything (Shutdown)
//	handover.go  how another process takes their sockets over
//
// Leaves that know of no exchange are packages of their own: trust (which peers and
// fields are believed), affinity, route, retry, answer, websocket (its frames), certs,
// worker (goroutines to wait in), files (of a folder), inquiry (what is asked beside an exchange), explain, record (what
// became of the last ones), sample (how some of them came), trace (spans, and who exports
// them), observe, accesslog (lines of exchanges that have ended) and sink (where they are
// written). What a route puts in front of what it does is stage and
// middleware, with limit (connections and requests of one client), auth, codec (compressed
// answers) and handler (middleware of fasthttp).
//
// Control flow is the functions of the phases, one for each, which say what follows;
// everything else is a leaf. Loop and goroutine run the same functions. In the loop,
// reads and writes fail with socket.ErrWouldBlock instead of waiting, which the attempt
// reports as attempt.Pending: the loop then waits for the event of one socket (a request
// head, an answer, the next piece of content), and hands everything else over: a dial,
// a pause, a client that reads slowly. Measured side by side, 64 connections, small
// answers: 0.84 times the CPU of a goroutine for each connection, and an idle
// connection costs no stack.
//
// cmd imports it. It imports pool and config, and never ctl.
package engine
