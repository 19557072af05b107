package engine

import (
	"errors"
	"io"

	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// How a stage has the rest of an exchange run inside of it: a handler of fasthttp calls
// the next one, and looks at what that has brought about. The goroutine that has the
// exchange does so, by the same phases, until the answer comes to the stage (handed); then
// the handler returns, and the goroutine goes on with what it has made of that (arrive).

// Proceed runs the exchange up to its answer.
func (f *callFacts) Proceed() bool {
	x := (*exchange)(f)
	next := x.proceed()
	for next != handed {
		if next == atFinish || next == atTail || next == atOver || next == atSwitched {
			x.carried = next // what is left to be done is not the stage's
			return false
		}
		x.enter(next)
		next = x.do()
	}
	return true
}

// proceed is the first step: what wrap does behind the stage that carries the rest.
func (x *exchange) proceed() phase {
	c := &x.call
	x.carried, x.piece = atHead, nil
	switch x.route.chain.Proceed(c) {
	case stage.Answered:
		return x.supplant()
	case stage.Broken:
		return x.sever()
	case stage.Left:
		return x.leave()
	case stage.Next, stage.Wait, stage.Carried, stage.Handed:
	}
	return x.act()
}

// arrive goes on with the answer where a stage has carried the exchange to it.
func (x *exchange) arrive() phase {
	switch {
	case x.carried != atHead && x.carried != atTunnel:
		return x.carried // there was none
	case x.call.Own:
		return x.dressAgain()
	case x.carried == atTunnel:
		return x.openTunnel()
	}
	return x.unwrap()
}

// Abort ends what the exchange waits for.
func (f *callFacts) Abort() { f.c.endWaits() }

// OwnContent is the content of an answer of ours, as the stages that have seen it send it.
func (f *callFacts) OwnContent() []byte {
	if c := f.call.Coder; c != nil {
		f.coded = c.Append(f.coded[:0], f.ownContent, false, true)
		c.Release()
		f.call.Coder, f.ownContent = nil, f.coded
	}
	return f.ownContent
}

// OwnStreams reports that the content of an answer of ours is that of a file, which
// ReadAnswer reads.
func (f *callFacts) OwnStreams() bool { return f.source == &f.reader }

// ReadAnswer reads the content of a backend's answer, or of a file, in another goroutine
// than that of the exchange, maybe, but never at the same time.
func (f *callFacts) ReadAnswer(p []byte) (int, error) {
	x := (*exchange)(f)
	if x.call.Own {
		return x.reader.Read(p)
	}
	a := &x.attempt
	if len(x.piece) == 0 {
		data, out := a.Buffered()
		if out == attempt.OK && len(data) == 0 && !a.Done() {
			data, out = a.Next(deadline(socket.Nanos(), x.fwd.pool.timeouts.Read))
		}
		switch {
		case out != attempt.OK:
			return 0, errTruncated
		case len(data) == 0:
			return 0, io.EOF
		}
		x.relayNanos = socket.Nanos()
		if x.piece = x.recoded(data); len(x.piece) == 0 {
			return 0, nil
		}
	}
	n := copy(p, x.piece)
	x.piece = x.piece[n:]
	return n, nil
}

// recoded is what the stages behind the one that reads make of a piece. What their coder
// changes is not changed again by who passes the answer on.
func (x *exchange) recoded(data []byte) []byte {
	if c := x.call.Coder; c != nil {
		x.coder, x.call.Coder = c, nil
	}
	if x.coder == nil {
		return data
	}
	x.coded = x.coder.Append(x.coded[:0], data, true, x.attempt.Done())
	return x.coded
}

var (
	errTruncated = errors.New("the backend broke its answer off")
	errBadBody   = errors.New("the client has not sent the content that it has announced")
)

// ReadContent reads the content of the request.
func (f *callFacts) ReadContent(p []byte) (int, error) {
	x := (*exchange)(f)
	for len(x.piece) == 0 {
		if x.body.Done() {
			return 0, io.EOF
		}
		in := &x.c.in
		if in.Len() == 0 {
			in = &x.upload.in
		}
		data, err := x.body.Take(in)
		if err != nil {
			return 0, errBadBody
		}
		if x.piece = data; len(data) == 0 && !x.body.Done() && in.Len() == 0 {
			if x.readHeld() != attempt.OK {
				x.keep = false
				return 0, errBadBody
			}
		}
	}
	n := copy(p, x.piece)
	x.piece = x.piece[n:]
	x.bytesIn += int64(n)
	return n, nil
}

// ReplaceContent has other content sent. What is left of the client's is not read, and its
// connection ends then.
func (f *callFacts) ReplaceContent(content []byte) {
	x := (*exchange)(f)
	if !x.body.Done() {
		x.body.Begin(wire.Length, 0)
		x.keep = false
	}
	x.holds, x.held, x.piece = true, append(x.held[:0], content...), nil
}
