package answer

import (
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// parsed is a backend's answer with these field lines.
func parsed(t testing.TB, lines string) *wire.ResponseHead {
	t.Helper()
	h := &wire.ResponseHead{}
	if n, err := h.Parse([]byte("HTTP/1.1 200 OK\r\n"+lines+"\r\n"), &wire.Limits{}, false); n == 0 || err != nil {
		t.Fatal(n, err)
	}
	return h
}

func TestHSTS(t *testing.T) {
	for _, tc := range []struct {
		maxAge              time.Duration
		subdomains, preload bool
		want                string
	}{
		{time.Hour, false, false, "Strict-Transport-Security: max-age=3600\r\n"},
		{0, true, false, "Strict-Transport-Security: max-age=0; includeSubDomains\r\n"},
		{1500 * time.Millisecond, true, true, "Strict-Transport-Security: max-age=1; includeSubDomains; preload\r\n"},
	} {
		if got := HSTS(tc.maxAge, tc.subdomains, tc.preload); got != tc.want {
			t.Errorf("got %q; want %q", got, tc.want)
		}
	}
}

func TestDropHSTS(t *testing.T) {
	h := parsed(t, "A: 1\r\nstrict-Transport-Security: max-age=1\r\nB: 2\r\nStrict-Transport-Security: x\r\n")
	DropHSTS(&h.Head)
	if got := string(h.AppendFields(nil)); got != "A: 1\r\nB: 2\r\n" {
		t.Errorf("got %q; want A and B", got)
	}
}

func TestAppendAltSvc(t *testing.T) {
	line := AltSvc(8443)
	for _, tc := range []struct{ name, line, lines, want string }{
		{"the listener's", line, "A: 1\r\n", "Alt-Svc: h3=\":8443\"; ma=86400\r\n"},
		{"the backend's own", line, "alt-svc: clear\r\n", ""},
		{"an empty one of the backend", line, "Alt-Svc:\r\n", ""},
		{"nothing to say", "", "A: 1\r\n", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := string(AppendAltSvc(nil, tc.line, &parsed(t, tc.lines).Head)); got != tc.want {
				t.Errorf("got %q; want %q", got, tc.want)
			}
		})
	}
}
