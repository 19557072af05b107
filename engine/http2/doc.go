// Package http2 speaks HTTP/2 (RFC 9113) with clients and backends.
//
// A connection is a [Session]. Each of its streams is, for the rest of the engine,
// a connection of its own that carries one exchange in HTTP/1.1: a stream writes
// the text of a request for the one parser there is, and reads the text of the
// answer. So a request is checked by the same rules, whatever it came in, and none
// can become one that is read in two ways.
//
// # Who owns what
//
// The loop of its connection reads the frames (turn.go) and begins exchanges,
// which run in the same loop or, where they have to wait, in goroutines of their
// own. What both touch, the bytes of a stream on their way in (Stream.TryRead) and
// the frames on their way out (Stream.TryWrite), is behind one mutex a session: two
// uncontended locks for a read or a write, 10 ns of the ten thousand that a request
// costs. It is never held while anybody is called back. Frames of all exchanges
// that had their turn in one round of the loop go out in one write.
//
// An exchange begins with the head of its request, but for one that may have content
// and does not say how much (ahead.go): HTTP/1.1 has to know whether there is some, so
// that what comes next is awaited for a moment. HTTP/3 goes by the same rule.
//
// # What a peer can do to us
//
// Everything a peer can make us hold is bounded: streams, also those that it has
// reset while their exchange ends (streamsMax), bytes of requests (windows), a
// header block (its limit), frames that it does not take (outHard). What costs us
// work and brings nobody an answer (resets, also those it makes us send, and
// frames without content) uses up a stock that answers fill: stream.Budget.
//
// # Where to read what
//
// A stream goes through the files from the top of this list to its bottom, and so do
// calls: a file knows those below it, and session.go, which has memory of drop.go,
// wait.go and fields.go in it and calls none of them.
//
//	session.go   all that is known of a connection and of its streams
//	remote.go    the connections to a backend; those of clients are the engine's
//	turn.go      what its loop calls: read, look at the time, write
//	input.go     frames, one after the other, but for
//	headers.go   header blocks, which begin a stream and become text, and
//	data.go      content, which is passed on as it comes
//	stream.go    what an exchange reads and writes, and how it closes
//	ask.go       text becomes frames: the head of a request to a backend,
//	answer.go    an answer, content and trailers
//	end.go       the end of a connection: for a fault, in a drain, for a bug of ours
//	ahead.go     streams whose exchange has not begun
//	drop.go      the rest of a request that was answered before its end
//	alarm.go     until when something is waited for, and who is silent
//	client.go    a session as the client of a backend
//	life.go      a stream begins, is left by the peer, and is used again
//	window.go    windows, ours and the peer's
//	fault.go     what a peer does wrong, what it has to pay, and which streams were reset
//	out.go       frames on their way out
//	wait.go      streams that cannot write
//	fields.go    the fields of a header block
//
// What text a stream is made of is the matter of package stream, below this one, which
// HTTP/3 has as well.
package http2
