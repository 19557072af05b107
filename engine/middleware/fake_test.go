package middleware

import (
	"testing"

	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// fakeCall is an exchange as stages see it, over and over again.
type fakeCall struct {
	*stage.Call

	answer wire.ResponseHead
	path   []byte
}

// browserRequest is the head of a request as browsers send it.
const browserRequest = "GET /api/v1/items/42?page=2 HTTP/1.1\r\nHost: app.example.com\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:138.0) Gecko/20100101 Firefox/138.0\r\nAccept: application/json\r\n" +
	"Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nOrigin: https://www.example.com\r\n" +
	"Connection: keep-alive\r\nReferer: https://www.example.com/\r\nCookie: session=0123456789abcdef; theme=dark\r\n" +
	"Sec-Fetch-Dest: empty\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Site: same-site\r\n\r\n"

// backendAnswer is the head of an answer as backends send it.
const backendAnswer = "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nServer: app\r\nContent-Type: application/json\r\n" +
	"Content-Length: 1234\r\nCache-Control: private\r\nETag: \"abc\"\r\nX-Frame-Options: DENY\r\nVary: Accept-Encoding\r\n" +
	"Access-Control-Allow-Origin: *\r\nSet-Cookie: a=1; Path=/; HttpOnly\r\n\r\n"

func newFakeCall(t testing.TB) *fakeCall {
	t.Helper()
	f := &fakeCall{Call: newCall(t, browserRequest)}
	f.Facts = &facts{client: f.Client(), https: true}
	if n, err := f.answer.Parse([]byte(backendAnswer), &wire.Limits{}, false); n == 0 || err != nil {
		t.Fatal(n, err)
	}
	var err error
	if f.path, _, err = wire.NormalizePath(nil, f.Head.Path); err != nil {
		t.Fatal(err)
	}
	f.begin()
	return f
}

// begin makes it new.
func (f *fakeCall) begin() {
	for i := range f.Head.Fields {
		f.Head.Fields[i].Drop = false
	}
	f.Begin(f.Head)
	f.Path, f.Target, f.Query = f.path, f.Head.Path, f.Head.Query
}

// again makes new what stages change, and no more: an exchange does the rest once, whether
// it has stages or not.
func (f *fakeCall) again() {
	f.SetAt(0)
	f.Request.Begin(&f.Head.Head)
	f.Answer.Begin(nil)
	f.Target, f.Query, f.Host, f.Prefix, f.ID = f.Head.Path, f.Head.Query, nil, nil, nil
	*f.Slot() = 0
	for i := range f.Head.Fields {
		f.Head.Fields[i].Drop = false
	}
}

// meet begins the response phase.
func (f *fakeCall) meet() {
	for i := range f.answer.Fields {
		f.answer.Fields[i].Drop = false
	}
	f.Status, f.Length = f.answer.Status, f.answer.ContentLength
	f.Answer.Meet(&f.answer.Head)
}

// pass lets a stage see both phases.
func (f *fakeCall) pass(made any) stage.Verdict {
	f.again()
	v := stage.Next
	if s, ok := made.(stage.Requester); ok {
		v = s.Request(f.Call)
	}
	if s, ok := made.(stage.Responder); ok && v == stage.Next {
		f.meet()
		v = s.Response(f.Call)
	}
	return v
}
