// Package handler runs ordinary fasthttp middleware, func(fasthttp.RequestHandler)
// fasthttp.RequestHandler, over exchanges that no server of fasthttp has read.
//
// Start reading in stage.go: a Stage is one handler of a configuration, and lends Calls.
// A Call (call.go) is one exchange in it: its request is shown as a pooled RequestCtx
// (request.go), the handler runs, its next has the exchange go on and shows the answer
// in the same RequestCtx (answer.go), and what the handler has left there is what the
// client gets. content.go carries content both ways as a stream, peer.go is the
// connection as the handler sees it.
//
//	c := s.Acquire()
//	c.Show(&request)            the head is copied; from here on it may move
//	verdict := c.Run(exchange)  exchange.Next looks at c.Request and calls c.Answer
//	c.Status, c.AppendFields, c.Content
//	c.Release()
//
// What a handler has not touched is told apart from what it has changed: what passes goes
// octet for octet and its content never through here. A name of a field that it has not
// changed may stand in a line in other letter case in what is rendered.
//
// # What works, and what does not
//
// Everything of a RequestCtx works but what needs the connection or the server itself,
// and is refused by name: Hijack (the answer is [ErrHijack]), EarlyHints and all of Conn
// but its addresses ([ErrNoConnection]), deadlines of the connection (likewise), next a
// second time ([ErrNextTwice]), or with another RequestCtx ([ErrOtherContext]). Done never
// ends, and Deadline is none: who waits is bounded by the exchange. ID is another one for
// each request, ConnRequestNum 0. RemoteAddr is the client that is believed, and IsTLS
// what the connection is, while URI().Scheme() is what the client is believed to speak.
// Date is not shown, and framing and hop-by-hop fields that a handler sets are ours.
//
// TimeoutError, and with it fasthttp.TimeoutHandler, works: the RequestCtx is given up,
// and so is what next is doing. Such a handler runs in a goroutine of the library, where
// a panic of it ends the process, as in every server.
package handler
