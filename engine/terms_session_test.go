package engine

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
)

// oneSession gives the session that came last to every name, as a client does that
// means no good.
type oneSession struct{ last *tls.ClientSessionState }

func (s *oneSession) Get(string) (*tls.ClientSessionState, bool) { return s.last, s.last != nil }

func (s *oneSession) Put(_ string, state *tls.ClientSessionState) {
	if state != nil {
		s.last = state
	}
}

// TestSessionsStayUnderTheirTerms carries sessions of one name to another one.
func TestSessionsStayUnderTheirTerms(t *testing.T) {
	server, one, two := newPair(t, tomorrow(), "a.test"), newPair(t, tomorrow(), "one"), newPair(t, tomorrow(), "two")
	text := tlsText(fmt.Sprintf(`, hosts: {
  open.test: {min_version: "1.2"},
  asks.test: {client_auth: {mode: request, ca_file: %[1]q, headers: {X-C-San: san}}},
  one.test: {client_auth: {mode: require, ca_file: %[1]q, headers: {X-C-San: san}}}, also.test: {client_auth: {mode: require, ca_file: %[1]q}},
  two.test: {client_auth: {mode: require, ca_file: %[2]q}}}`, one.certFile, two.certFile), "", server)
	rec := record(t)
	r := start(t, text, rec.address)
	for _, tc := range []struct {
		from      string
		fromWith  *pair
		to        string
		with      *pair
		ok, again bool
		told      string
	}{
		{"a.test", nil, "a.test", nil, true, true, ""},
		{"a.test", nil, "open.test", nil, true, true, ""},
		{"a.test", nil, "asks.test", one, true, false, "DNS:one"}, // crypto/tls would not ask
		{"a.test", nil, "one.test", nil, false, false, ""},
		{"a.test", nil, "one.test", one, true, false, "DNS:one"},
		{"two.test", two, "one.test", nil, false, false, ""},
		{"two.test", two, "one.test", two, false, false, ""},
		{"asks.test", nil, "one.test", nil, false, false, ""},
		{"one.test", one, "a.test", nil, true, false, ""},
		{"one.test", one, "also.test", nil, true, true, ""}, // they ask for the same
		{"also.test", one, "one.test", nil, true, true, "DNS:one"},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(fmt.Sprintf("%s to %s, %s, %v", tc.from, tc.to, tls.VersionName(version), tc.with != nil), func(t *testing.T) {
				var session oneSession
				visit := func(name string, with *pair) (resumed bool, err error) {
					c := asking(name, with)
					c.MaxVersion, c.ClientSessionCache = version, &session
					return r.answered(c)
				}
				if _, err := visit(tc.from, tc.fromWith); err != nil || session.last == nil {
					t.Fatalf("no session: %v", err)
				}
				rec.take(t)
				again, err := visit(tc.to, tc.with)
				if (err == nil) != tc.ok || again != tc.again {
					t.Fatalf("got resumed %v, %v; want %v, and an answer: %v", again, err, tc.again, tc.ok)
				}
				if told := strings.TrimPrefix(strings.Join(vouched(strings.Join(rec.take(t), "")), "|"), "X-C-San: "); told != tc.told {
					t.Errorf("the backend was told %q; want %q", told, tc.told)
				}
			})
		}
	}
}
