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
// The loop of its connection reads the frames (input.go) and begins exchanges,
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
// Start reading at Session; then input.go, headers.go (a request becomes text),
// stream.go, answer.go (text becomes frames). What text that is, is the matter of
// package stream, below this one, which HTTP/3 has as well.
package http2
