package engine

import (
	"bytes"
	"strconv"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/retry"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// What an exchange answers itself; package answer knows how that is written. Each of
// these functions says which phase follows: the answer is written, or the rest of it waits.

// reject answers with r. The rest of a request's body is dropped where that is
// cheap, else the connection ends after the answer.
func (x *exchange) reject(r *answer.Reject) phase {
	x.status, x.end = r.Status, r.End
	x.keep = x.keep && !r.Parts() && x.mayKeep()
	o := answer.Options{
		Form: x.form(), ToHEAD: x.isHEAD, Connection: x.connection(), Date: x.c.shard.engine.date(), ProxyStatus: x.table.proxyStatus,
	}
	b := x.appendOwn(x.appendAttempts(r.Begin(x.answer[:0], o)))
	if x.staged {
		x.call.Worded = true
		return x.dress(b, r.Content(o.Form))
	}
	x.answer = r.Finish(b, o)
	return x.writeAnswer(nil)
}

// form is the language in which the client is told what it cannot have.
func (x *exchange) form() answer.Form {
	if x.isCall || x.isGRPC() {
		return answer.Call
	}
	return answer.FormFor(x.head.Value(wire.FieldAccept))
}

var grpcType = []byte("application/grpc")

// isGRPC reports a call of gRPC.
func (x *exchange) isGRPC() bool {
	return x.c.stream != nil && bytes.HasPrefix(x.head.Value(wire.FieldContentType), grpcType)
}

// redirect answers with the route's Location.
func (x *exchange) redirect() phase {
	r, host := x.route, x.hostSent()
	if len(host) == 0 {
		return x.reject(answer.ForError(wire.ErrBadHost)) // nothing to build a location from
	}
	if !x.staged {
		x.beginCall()
	}
	b := append(x.beginOwn(r.status), "Location: "...)
	sent := x.head.Host
	x.head.Host = host // who speaks HTTP/1.0 may have named none
	b = r.redirect.Append(b, &x.call)
	x.head.Host = sent
	return x.endOwn(append(b, "\r\n"...), nil)
}

// respond answers with the route's fixed response.
func (x *exchange) respond() phase {
	r := x.route
	b := x.beginOwn(r.status)
	if r.contentType != "" && !wire.WithoutContent(r.status, false) {
		b = answer.Field(b, "Content-Type", r.contentType)
	}
	return x.endOwn(append(b, r.fields...), r.body)
}

// options answers OPTIONS * about the proxy itself.
func (x *exchange) options() phase {
	return x.endOwn(answer.Field(x.beginOwn(fasthttp.StatusNoContent), "Allow", answer.Methods), nil)
}

// challenge answers an ACME server that looks whether a host is ours (RFC 8555 section
// 8.3).
func (x *exchange) challenge() phase {
	body := x.c.shard.engine.challenges.KeyAuthorization(x.path)
	if body == "" {
		return x.reject(answer.NoRoute) // it has ended just now
	}
	return x.endOwn(answer.Field(x.beginOwn(fasthttp.StatusOK), "Content-Type", "application/octet-stream"), []byte(body))
}

// beginOwn begins an answer of our own with the fields that all of them have.
func (x *exchange) beginOwn(status int) []byte {
	x.status = status
	x.keep = x.keep && x.mayKeep()
	b := answer.Begin(x.answer[:0], status, x.c.shard.engine.date())
	if x.table.proxyStatus {
		b = answer.AppendProxyStatus(b, x.end, x.attempts > 0)
	}
	return x.appendOwn(b)
}

// endOwn ends it, and writes it with its content.
func (x *exchange) endOwn(b, content []byte) phase {
	if x.staged {
		x.call.Worded = false
		return x.dress(b, content)
	}
	return x.writeOwn(b, content)
}

// writeOwn is endOwn for a head whose fields are complete.
func (x *exchange) writeOwn(b, content []byte) phase {
	x.answer = answer.End(b, answer.Sized(x.status, len(content)), x.connection())
	if wire.WithoutContent(x.status, x.isHEAD) {
		content = nil
	}
	return x.writeAnswer(content)
}

// supplant answers for the backend.
func (x *exchange) supplant() phase {
	x.dropAnswer()
	x.release(x.fwd.outcome)
	if x.carried == atFinish { // what had ended the rest of the exchange ends it no longer
		x.carried, x.end = atHead, end.OK
	}
	return x.reply()
}

// reply answers as a stage has said.
func (x *exchange) reply() phase {
	r := x.call.Reply
	x.source = nil // of the answer before
	if r.Reject != nil {
		x.keep = x.keep && !r.Close
		return x.reject(r.Reject)
	}
	if r.End != end.OK {
		x.end = r.End
	}
	x.keep = x.keep && !r.Close
	b := x.beginOwn(r.Status)
	if x.end != end.OK {
		b = answer.Field(b, "X-Isame-Error", x.end.Word())
	}
	if r.ContentType != "" && !wire.WithoutContent(r.Status, false) {
		b = answer.Field(b, "Content-Type", r.ContentType)
	}
	if r.Source != nil && !wire.WithoutContent(r.Status, x.isHEAD) {
		x.source, x.call.Length = r.Source, r.Length
	}
	return x.endOwn(b, r.Body)
}

// respondStages lets the stages see the answer.
func (x *exchange) respondStages() stage.Verdict {
	c := &x.call
	if c.MayWait = x.waits; x.waits {
		c.NowNanos = socket.Nanos()
	}
	return x.route.chain.Response(c)
}

// dress lets the stages see an answer of ours, whose head so far is b.
func (x *exchange) dress(b, content []byte) phase {
	x.own = append(append(x.own[:0], b...), "\r\n"...)
	x.ownContent = content
	if n, err := x.ownHead.Parse(x.own, &wire.Limits{}, false); n == 0 || err != nil {
		panic("BUG: a head of our own is none")
	}
	x.dropCoder()
	c := &x.call
	c.Own, c.End, c.Status, c.Reason = true, x.end, x.status, x.ownHead.Reason
	if x.source == nil {
		c.Length = int64(len(content))
	}
	c.Empty = wire.WithoutContent(x.status, x.isHEAD)
	c.Answer.Meet(&x.ownHead.Head)
	return x.dressAgain()
}

// dressAgain is dress from the stage on that has to wait: atDress.
func (x *exchange) dressAgain() phase {
	switch x.respondStages() { //nolint:exhaustive // the others are not for answers
	case stage.Wait:
		return atDress
	case stage.Answered:
		return x.reply()
	case stage.Handed:
		return handed
	}
	c, content := &x.call, x.ownContent
	x.keep = x.keep && !c.Ends
	switch {
	case c.Coder != nil && x.source != nil:
		x.coder, c.Coder, x.unflushed = c.Coder, nil, false
	case c.Coder != nil:
		x.coded = c.Coder.Append(x.coded[:0], content, false, true)
		c.Coder.Release()
		c.Coder, content = nil, x.coded
	}
	h := &x.ownHead
	if c.Status != x.status { // it may differ from that of the head: a call has always 200
		x.status, h.Status, h.Reason = c.Status, c.Status, c.Reason
	}
	if x.source != nil {
		return x.beginSource()
	}
	b := h.AppendFields(answer.BeginAs(x.answer[:0], h.Status, h.Reason, nil))
	return x.writeOwn(append(b, c.Answer.Added()...), content)
}

// beginSource makes the head of an answer of ours whose content a stage has as a stream.
func (x *exchange) beginSource() phase {
	c, content := &x.call, answer.Chunked
	if x.chunked = c.Length < 0 && x.head.Minor == 1; c.Length >= 0 {
		content = answer.Content(c.Length)
	} else if !x.chunked {
		content, x.keep = answer.Unsized, false
	}
	h := &x.ownHead
	b := h.AppendFields(answer.BeginAs(x.answer[:0], h.Status, h.Reason, nil))
	x.answer = answer.End(append(b, c.Answer.Added()...), content, x.connection())
	return x.relayOwn()
}

// connection is what the answer says of the client's connection, once x.keep is known.
func (x *exchange) connection() answer.Connection {
	return answer.ConnectionOf(x.c.stream != nil, x.keep, x.head.Minor)
}

// appendOwn appends what a listener says in answers that are the proxy's own.
func (x *exchange) appendOwn(b []byte) []byte { return append(append(b, x.hsts()...), x.altSvc()...) }

// hsts is what this answer says, or nothing: in clear text it must not be said
// (RFC 6797 section 7.2).
func (x *exchange) hsts() string {
	if x.policy.tls == nil || !x.c.Secure() {
		return ""
	}
	return x.policy.tls.hsts
}

// altSvc is the field line that names the port of HTTP/3, or nothing: it counts where
// the client knows by a certificate whom it listens to, and does not speak it already.
func (x *exchange) altSvc() string {
	if x.policy.altSvc == "" || !x.c.shard.ln.overUDP.Load() || x.c.via == via30 || !x.c.Secure() {
		return ""
	}
	return x.policy.altSvc
}

// writeAnswer writes x.answer and body in one call. body stays as it is until the
// exchange has ended.
func (x *exchange) writeAnswer(body []byte) phase {
	x.answered = true
	return x.answerWritten(x.c.Writev(x.answer, body, nil))
}

// flushAnswer goes on with an answer of ours that the client has taken a part of: atRest.
func (x *exchange) flushAnswer() phase { return x.answerWritten(x.c.Flush()) }

// answerWritten is what follows on a write of n bytes of an answer of ours.
func (x *exchange) answerWritten(n int, err error) phase {
	switch x.written(n, err) {
	case attempt.Pending:
		return atRest
	case attempt.OK:
	default:
		x.keep = false
		if x.end == end.OK {
			x.end, x.reached = end.ClientGone, end.PhaseRelay
		}
	}
	return atFinish
}

// bodyDropMax bounds what is read and dropped to keep a connection.
const bodyDropMax = 256 << 10

// mayKeep reports whether the connection may carry another request behind an answer
// of our own.
func (x *exchange) mayKeep() bool { return x.mayDropBody() && !x.mustLeave() }

// mustLeave reports that a drain makes this answer the last of its connection. What
// the client has sent behind its request already is answered first.
func (x *exchange) mustLeave() bool {
	c := x.c
	if !c.mayLeave() {
		return false
	}
	return c.leaveIdle.Load() || !x.body.Done() || c.in.Len() == 0
}

// mayDropBody reports whether the rest of the request's body will be read and
// dropped after the answer. A client that waits for 100 Continue has not sent
// its body and may never do so.
func (x *exchange) mayDropBody() bool {
	if x.body.Done() {
		return true
	}
	return !x.head.ExpectContinue && x.head.ContentLength <= bodyDropMax && !x.upload.begun
}

// appendAttempts appends the field that tells a client, which asked for it by the
// same field, how many attempts were made and why they were repeated.
func (x *exchange) appendAttempts(b []byte) []byte {
	if !x.head.Has(wire.FieldIsameAttempts) {
		return b
	}
	b = strconv.AppendInt(append(b, "X-Isame-Attempts: "...), int64(x.attempts), 10)
	for c := retry.CauseNone + 1; c < retry.Causes; c++ {
		if n := x.repeats[c]; n > 0 {
			b = append(append(append(b, "; "...), c.String()...), '=')
			b = strconv.AppendUint(b, uint64(n), 10)
		}
	}
	return append(b, "\r\n"...)
}

// relayOwn begins to write an answer of ours whose head is made and whose content is
// source's.
func (x *exchange) relayOwn() phase {
	if wire.WithoutContent(x.status, x.isHEAD) {
		x.source = nil
		return x.writeAnswer(nil)
	}
	x.answered = true
	return atRelay
}
