package engine

import (
	"bytes"
	"strconv"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// reject is an answer the proxy makes itself because it cannot or will not
// forward. It is rendered once; only Date and Connection differ between uses.
type reject struct {
	status     int
	end        pool.End
	retryAfter string // seconds, or empty
	allow      string // of a 405
	detail     string // for people; ASCII without percent signs, so that it stands in a field as it is

	problem, page []byte // bodies
}

var (
	rejectNoRoute          = newReject(404, pool.EndNoRoute, "")
	rejectBusy             = newReject(503, pool.EndBackendsBusy, "1")
	rejectBodyTooLarge     = newReject(413, pool.EndBodyTooLarge, "")
	rejectConnections      = newReject(503, pool.EndConnectionLimit, "1")
	rejectConnectionsPerIP = newReject(503, pool.EndConnectionLimitIP, "1")
	rejectSlowHeader       = newReject(408, pool.EndSlowHeader, "")
	rejectInternal         = newReject(500, pool.EndInternalError, "")
	rejectTrace            = newMethodReject()

	// shedRejects are the answers of an overload, by reason.
	shedRejects = [...]*reject{
		pool.ShedLimit:   newReject(503, pool.ShedLimit.End(), "1"),
		pool.ShedFull:    newReject(503, pool.ShedFull.End(), "1"),
		pool.ShedTimeout: newReject(503, pool.ShedTimeout.End(), "1"),
	}
)

func newReject(status int, end pool.End, retryAfter string) *reject {
	r := &reject{status: status, end: end, retryAfter: retryAfter, detail: end.Text()}
	title, cause := r.detail, end.Word()
	code := strconv.Itoa(status)
	r.problem = []byte(`{"type":"about:blank","title":"` + fasthttp.StatusMessage(status) + `","status":` + code +
		`,"detail":"` + title + `","cause":"` + cause + `"}` + "\n")
	r.page = []byte("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>" + code + " " + fasthttp.StatusMessage(status) +
		"</title>\n<h1>" + code + " " + fasthttp.StatusMessage(status) + "</h1>\n<p>" + title + "</p>\n<p><small>Isame: " + cause +
		"</small></p></html>\n")
	return r
}

// methodsAllowed is the Allow field of a 405.
const methodsAllowed = "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS"

func newMethodReject() *reject {
	r := newReject(fasthttp.StatusMethodNotAllowed, pool.EndMethodNotAllowed, "")
	r.allow = methodsAllowed
	return r
}

// outcomeRejects are the answers for failed attempts.
var outcomeRejects = func() (all [256]*reject) {
	for i := range all {
		o := pool.Outcome(i)
		after := ""
		if o.Status() == 503 {
			after = "1"
		}
		all[i] = newReject(o.Status(), o.End(), after)
	}
	// A client that ended only its sending half inside a body still reads: it has
	// sent half a request (RFC 9112 section 8).
	all[pool.ClientGone] = newReject(fasthttp.StatusBadRequest, pool.ClientGone.End(), "")
	return all
}()

// refused keeps a reject for each *wire.Refusal met; refusals are sentinels, so
// it is bounded by their number.
var refused sync.Map

// rejectFor is the answer for bytes that are not an acceptable request.
func rejectFor(err error) *reject {
	ref, ok := err.(*wire.Refusal) //nolint:errorlint // the parser returns its sentinels unwrapped
	if !ok {
		return rejectInternal
	}
	if known, ok := refused.Load(ref); ok {
		if r, ok := known.(*reject); ok {
			return r
		}
	}
	end, ok := pool.EndOf(ref.Cause)
	if !ok {
		return rejectInternal
	}
	r := newReject(ref.Status, end, "")
	if ref.Status == fasthttp.StatusMethodNotAllowed {
		r.allow = methodsAllowed
	}
	refused.Store(ref, r)
	return r
}

// unavailable keeps a reject for each cause and wait of pools without an
// eligible member; waits are whole seconds, so it stays small.
var unavailable sync.Map

type unavailableKey struct {
	cause   pool.End
	seconds int64
}

// rejectUnavailable is the answer when nobody can be picked: the pool's cause, and
// when it makes sense to come back.
func rejectUnavailable(cause pool.End, after time.Duration) *reject {
	if cause == pool.EndOK {
		cause = pool.EndNoBackend // somebody became eligible just now
	}
	seconds := int64(min(max(after.Round(time.Second), time.Second), time.Hour) / time.Second)
	key := unavailableKey{cause, seconds}
	if known, ok := unavailable.Load(key); ok {
		if r, ok := known.(*reject); ok {
			return r
		}
	}
	r := newReject(fasthttp.StatusServiceUnavailable, cause, strconv.FormatInt(seconds, 10))
	unavailable.Store(key, r)
	return r
}

// givenUp keeps a reject for each status rejectGivenUp was asked for: 5xx only.
var givenUp sync.Map

// rejectGivenUp stands for an answer of this status that was dropped for a
// retry which then could not be made.
func rejectGivenUp(status int) *reject {
	if known, ok := givenUp.Load(status); ok {
		if r, ok := known.(*reject); ok {
			return r
		}
	}
	after := ""
	if status == fasthttp.StatusServiceUnavailable {
		after = "1"
	}
	r := newReject(status, pool.EndRetryImpossible, after)
	givenUp.Store(status, r)
	return r
}

// rejectOptions is what differs between two uses of a reject.
type rejectOptions struct {
	close bool   // say Connection: close
	html  bool   // the client prefers a page
	head  bool   // leave the body out
	now   []byte // the value of Date
	more  []byte // whole field lines
}

// append renders the whole answer behind dst.
func (r *reject) append(dst []byte, o rejectOptions) []byte {
	body, kind := r.problem, "application/problem+json"
	if o.html {
		body, kind = r.page, "text/html; charset=utf-8"
	}
	dst = appendStatusLine(dst, r.status)
	dst = append(append(append(dst, "Date: "...), o.now...), "\r\nX-Isame-Error: "...)
	dst = append(append(append(dst, r.end.Word()...), "\r\nCache-Control: no-store\r\nContent-Type: "...), kind...)
	if r.retryAfter != "" {
		dst = append(append(dst, "\r\nRetry-After: "...), r.retryAfter...)
	}
	if r.allow != "" {
		dst = append(append(dst, "\r\nAllow: "...), r.allow...)
	}
	dst = append(append(dst, "\r\n"...), o.more...)
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(body)), 10)
	if o.close {
		dst = append(dst, "\r\nConnection: close"...)
	}
	dst = append(dst, "\r\n\r\n"...)
	if !o.head {
		dst = append(dst, body...)
	}
	return dst
}

func appendStatusLine(dst []byte, status int) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(append(dst, ' '), fasthttp.StatusMessage(status)...)
	return append(dst, "\r\n"...)
}

// prefersPage reports that an Accept value names HTML before any JSON.
func prefersPage(accept []byte) bool {
	html := bytes.Index(accept, []byte("text/html"))
	json := bytes.Index(accept, []byte("json"))
	return html >= 0 && (json < 0 || html < json)
}
