package dns01

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestCNAMEsAreFollowed(t *testing.T) {
	s := startServer(t, "a.test.")
	s.put("_acme-challenge.a.test. 60 IN CNAME One.b.test.")
	s.put("one.b.test. 60 IN CNAME two.c.test.")
	s.put("loop.a.test. 60 IN CNAME loop.a.test.")
	for name, want := range map[string]string{
		"_acme-challenge.a.test.": "two.c.test.", "two.c.test.": "two.c.test.", "nobody.test.": "nobody.test.",
	} {
		if got, err := s.names().follow(t.Context(), name); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, want)
		}
	}
	if _, err := s.names().follow(t.Context(), "loop.a.test."); !errors.Is(err, errCNAMEs) {
		t.Errorf("got %v; want %v", err, errCNAMEs)
	}
}

func TestZonesAreFound(t *testing.T) {
	s := startServer(t, "a.test.", "below.a.test.")
	for name, want := range map[string]string{
		"_acme-challenge.a.test.": "a.test.", "a.test.": "a.test.", "x.y.below.a.test.": "below.a.test.", "below.a.test.": "below.a.test.",
	} {
		if got, err := s.names().zoneOf(t.Context(), name); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, want)
		}
	}
	if _, err := s.names().zoneOf(t.Context(), "b.other."); !errors.Is(err, errNoZone) {
		t.Errorf("got %v; want %v", err, errNoZone)
	}
	s.do(func() { s.code = dns.RcodeServerFailure })
	if _, err := s.names().zoneOf(t.Context(), "a.test."); err == nil || !strings.Contains(err.Error(), s.address+" answers SERVFAIL") {
		t.Errorf("got %v; want the server and what it answers", err)
	}
}

// TestRecordsAreWaitedFor has a server that shows the record at the third look only.
func TestRecordsAreWaitedFor(t *testing.T) {
	s := startServer(t, "a.test.")
	r := record{zone: "a.test.", name: "x.a.test.", value: "v"}
	s.put(`x.a.test. 60 IN TXT "other"`)
	s.put(`x.a.test. 60 IN TXT "v"`)
	s.do(func() { s.hides = 4 })
	err := s.names().wait(t.Context(), r)
	s.do(func() {
		if err != nil || s.hides != 0 {
			t.Errorf("got %v, with %d of 4 looks left", err, s.hides)
		}
		s.asked = nil
	})
	byName := newNames([]string{s.address})
	err = byName.wait(t.Context(), r)
	s.do(func() {
		if err != nil || strings.Join(s.asked, ",") != "x.a.test. TXT" {
			t.Errorf("with resolvers: got %v after %q; want them asked for the record alone", err, s.asked)
		}
	})
}

// TestEveryServerIsAsked has a second name server where nobody is.
func TestEveryServerIsAsked(t *testing.T) {
	s := startServer(t, "a.test.")
	s.put("a.test. 60 IN NS nowhere.a.test.")
	s.put(`x.a.test. 60 IN TXT "v"`)
	err := s.names().look(t.Context(), record{zone: "a.test.", name: "x.a.test.", value: "v"})
	if !errors.Is(err, errNoAddress) || !strings.Contains(err.Error(), "nowhere.a.test.") {
		t.Errorf("got %v; want the server that does not show it", err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Millisecond, errNotShown)
	defer cancel()
	err = s.names().wait(ctx, record{zone: "a.test.", name: "y.a.test.", value: "v"})
	if !errors.Is(err, errNotShown) {
		t.Errorf("got %v; want %v", err, errNotShown)
	}
}

// TestQuestionsEndWithTheirContext has a server that takes connections and says nothing.
func TestQuestionsEndWithTheirContext(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		conn, err := silent.Accept()
		if err == nil {
			cancel()
			defer func() { _ = conn.Close() }()
			_, _ = io.Copy(io.Discard, conn)
		}
	}()
	began := time.Now()
	_, err = ask(ctx, silent.Addr().String(), question("a.test.", dns.TypeTXT)) // by UDP nobody is there
	if !errors.Is(err, context.Canceled) || time.Since(began) > askMax {
		t.Errorf("got %v after %v; want %v at once", err, time.Since(began), context.Canceled)
	}
}

func TestNamesOfZones(t *testing.T) {
	for _, c := range []struct {
		name, zone string
		want       bool
	}{
		{"a.test.", "a.test.", true}, {"b.a.test.", "a.test.", true}, {"ba.test.", "a.test.", false}, {"test.", "a.test.", false}, {"a.test.", ".", true},
	} {
		if got := isBelow(c.name, c.zone); got != c.want {
			t.Errorf("%s in %s: got %v; want %v", c.name, c.zone, got, c.want)
		}
	}
}
