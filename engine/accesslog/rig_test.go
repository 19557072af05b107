package accesslog

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/record"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// program compiles a section whose format and fields are given.
func program(format string, redact []string, fields ...string) *Program {
	return New(&config.AccessLog{Format: format, Fields: fields, Sample: 1}, NewRedaction(redact), &Clock{})
}

// everyField are the names of all fields.
func everyField() (names []string) {
	for _, f := range config.AccessFields {
		names = append(names, f.Name)
	}
	return append(names, "header.X-Tenant", "cookie.sid", "query.page")
}

// redactedByDefault is the default of log.access.redact.
var redactedByDefault = []string{"Authorization", "Cookie", "Set-Cookie", "query:token"}

// headOf is a head by its text.
func headOf(t testing.TB, text string) *wire.RequestHead {
	t.Helper()
	h := &wire.RequestHead{}
	if n, err := h.Parse([]byte(text), &wire.Limits{}); n == 0 || err != nil {
		t.Fatalf("%q: %d, %v", text, n, err)
	}
	return h
}

// usualHead is a request as browsers send it.
const usualHead = "GET /path/to/something?page=2&token=hunter2 HTTP/1.1\r\nHost: www.example.org\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) \"quoted\"\r\nReferer: https://a.example/from?token=hunter2&b=1\r\nCookie: a=b; sid=hunter2\r\n" +
	"X-Tenant: shop\r\nTraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n"

// usualEntry is what the engine says of an exchange.
func usualEntry(t testing.TB) *Entry {
	t.Helper()
	return &Entry{
		NowNanos: 5_000_000_000, TookNanos: 12_345_678, BackendNanos: 11_000_999, BytesIn: 456, BytesOut: 7890, Generation: 3, Status: 502,
		Attempts: 2, Client: netip.MustParseAddr("192.0.2.17"), Peer: "10.0.0.1", ID: []byte("0123456789abcdef0123456789abcdef"),
		Head: headOf(t, usualHead), Listener: "web", Protocol: "HTTP/1.1", Route: "all", Pool: "api", Backend: "10.0.0.2:8080", NoRetry: "budget",
		TraceID: []byte("4bf92f3577b34da6a3ce929d0e0e4736"), Scheme: []byte("https"), SNI: "www.example.org", TLS: 0x0304, Cipher: 0x1301, Parts: record.Shares{record.PartConnect: 1_500_000},
		End: end.ConnectRefused, Phase: end.PhaseConnect,
	}
}

// lineOf is the one line that a program makes of an entry, without its end.
func lineOf(t testing.TB, p *Program, e *Entry) string {
	t.Helper()
	got := string(p.Append(nil, e))
	line, ok := strings.CutSuffix(got, "\n")
	if !ok || strings.Contains(line, "\n") {
		t.Fatalf("got %q; want one line", got)
	}
	return line
}
