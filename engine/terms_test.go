package engine

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

// asking is a client that asks for a name, with a certificate unless that is nil.
func asking(name string, with *pair) *tls.Config {
	c := withCertificate(with)
	c.ServerName = name
	return c
}

// answered makes one exchange of HTTP/1.1 for the name, and says whether its session was
// resumed; in TLS 1.3 a client learns of a refusal when it reads.
func (r *rig) answered(c *tls.Config) (resumed bool, err error) {
	cl, conn, err := r.dialTLS(c)
	if err != nil {
		return false, err
	}
	defer func() { _ = cl.Close() }()
	_, _ = io.WriteString(cl, "GET / HTTP/1.1\r\nHost: "+c.ServerName+"\r\n\r\n")
	resp, err := http.ReadResponse(cl.r, nil)
	if err != nil {
		return false, err
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK && c.ServerName != "" {
		return false, fmt.Errorf("got %s", resp.Status)
	}
	return conn.ConnectionState().DidResume, nil
}

// h3As opens a connection of HTTP/3 as a client, or says why there is none.
func (r *rig) h3As(c *tls.Config) (*h3conn, error) {
	q, err := r.dialQUIC(c)
	if err != nil {
		return nil, err
	}
	conn := &h3conn{Conn: q, t: r.t}
	conn.uni(0, noSettings)
	return conn, nil
}

// dialQUIC is h3As before anything was said.
func (r *rig) dialQUIC(c *tls.Config) (*quic.Conn, error) {
	c = c.Clone()
	c.InsecureSkipVerify, c.NextProtos = true, []string{"h3"}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	q, err := quic.DialAddr(ctx, r.address, c, nil)
	if err == nil {
		r.t.Cleanup(func() { _ = q.CloseWithError(0x100, "") })
	}
	return q, err
}

const strictHosts = `, hosts: {admin.test: {client_auth: {mode: require, ca_file: %q}}, "*.strict.test": {min_version: "1.3"}, plain.strict.test: {min_version: "1.2"}}`

func TestNamesHaveTheirOwnTerms(t *testing.T) {
	server, known, stranger := newPair(t, tomorrow(), "a.test"), newPair(t, tomorrow(), "known"), newPair(t, tomorrow(), "stranger")
	r := start(t, tlsText(fmt.Sprintf(strictHosts, known.certFile), "", server), backend(t, sees))
	for _, tc := range []struct {
		name    string
		with    *pair
		version uint16
		ok      bool
	}{
		{"a.test", nil, tls.VersionTLS12, true},
		{"", nil, tls.VersionTLS12, true},
		{"admin.test", nil, tls.VersionTLS12, false},
		{"admin.test", nil, tls.VersionTLS13, false},
		{"ADMIN.test", nil, tls.VersionTLS13, false},
		{"admin.test", stranger, tls.VersionTLS13, false},
		{"admin.test", known, tls.VersionTLS12, true},
		{"Admin.Test", known, tls.VersionTLS13, true},
		{"x.admin.test", nil, tls.VersionTLS12, true},
		{"x.strict.test", nil, tls.VersionTLS12, false},
		{"x.y.strict.test", nil, tls.VersionTLS12, false},
		{"x.strict.test", nil, tls.VersionTLS13, true},
		{"strict.test", nil, tls.VersionTLS12, true},
		{"plain.strict.test", nil, tls.VersionTLS12, true},
	} {
		t.Run(fmt.Sprintf("%s %s %v", tc.name, tls.VersionName(tc.version), tc.with != nil), func(t *testing.T) {
			c := asking(tc.name, tc.with)
			c.MaxVersion = tc.version
			if _, err := r.answered(c); (err == nil) != tc.ok {
				t.Errorf("got %v; want an answer: %v", err, tc.ok)
			}
		})
	}
}

// TestHostsWithOtherTermsAreMisdirected has one certificate for all names, so that
// nothing but their terms tells them apart.
func TestHostsWithOtherTermsAreMisdirected(t *testing.T) {
	server, known := newPair(t, tomorrow(), "a.test", "b.test", "admin.test", "*.strict.test"), newPair(t, tomorrow(), "known")
	r := start(t, tlsText(fmt.Sprintf(strictHosts, known.certFile), ", http3: true", server), backend(t, sees))
	long := strings.Repeat(strings.Repeat("a", 60)+".", 4) + "strict.test"
	for _, tc := range []struct {
		sni, host string
		ok        bool
	}{
		{"a.test", "a.test", true},
		{"a.test", "b.test", true},
		{"a.test", "strict.test", true},
		{"a.test", "other.test", true},
		{"a.test", "admin.test", false},
		{"a.test", "ADMIN.test:8443", false},
		{"a.test", "admin.test.", false},
		{"a.test", "x.y.strict.test", false},
		{"a.test", long, false},
		{"a.test", "plain.strict.test", true}, // its terms are those of all others
		{"", "a.test", true},
		{"", "admin.test", false},
		{"admin.test", "admin.test", true},
		{"admin.test", "Admin.Test.:443", true},
		{"admin.test", "a.test", false},
		{"admin.test", "x.strict.test", false},
		{"admin.test", "127.0.0.1", false},
		{"x.strict.test", "y.strict.test", true},
		{"x.strict.test", "plain.strict.test", false},
	} {
		want := map[bool]string{true: "200", false: "421"}[tc.ok]
		t.Run(fmt.Sprintf("%q for %.30q", tc.sni, tc.host), func(t *testing.T) {
			cl, _ := r.mustDialTLS(asking(tc.sni, known))
			cl.send("GET / HTTP/1.1\r\nHost: " + tc.host + "\r\n\r\nGET http://" + tc.host + "/ HTTP/1.1\r\nHost: x\r\n\r\n")
			for range 2 {
				if got := cl.receive("GET"); got.Status[:3] != want {
					t.Errorf("HTTP/1.1: got %s; want %s", got.Status, want)
				}
			}
			c2 := asking(tc.sni, known)
			c2.NextProtos = []string{"h2"}
			two, _ := r.mustDialTLS(c2)
			if got := newH2conn(t, two.Conn).ask(":method", "GET", ":scheme", "https", ":authority", tc.host, ":path", "/"); got[:3] != want {
				t.Errorf("HTTP/2: got %s; want %s", got, want)
			}
			three, err := r.h3As(asking(tc.sni, known))
			if err != nil {
				t.Fatal(err)
			}
			if got := three.ask(":method", "GET", ":scheme", "https", ":authority", tc.host, ":path", "/"); got[:3] != want {
				t.Errorf("HTTP/3: got %s; want %s", got, want)
			}
		})
	}
	for sni, want := range map[string]int{"a.test": 200, "admin.test": 421} {
		cl, _ := r.mustDialTLS(asking(sni, known))
		cl.send("GET / HTTP/1.0\r\n\r\n")
		if got := cl.receive("GET").StatusCode; got != want {
			t.Errorf("without a host, opened for %s: got %d; want %d", sni, got, want)
		}
	}
}

// TestTermsFollowReloads: what is open goes on under its own name, and reaches no other.
func TestTermsFollowReloads(t *testing.T) {
	server, known := newPair(t, tomorrow(), "a.test", "admin.test"), newPair(t, tomorrow(), "known")
	address := backend(t, sees)
	r := start(t, tlsText("", ", http3: true", server), address)
	ordinary, _ := r.mustDialTLS(nil)
	admin, _ := r.mustDialTLS(asking("admin.test", nil))
	for _, c := range []*client{ordinary, admin} {
		c.send("GET / HTTP/1.1\r\nHost: admin.test\r\n\r\n")
		if got := c.receive("GET").StatusCode; got != 200 {
			t.Fatalf("before: got %d", got)
		}
	}
	r.apply(tlsText(fmt.Sprintf(", hosts: {admin.test: {client_auth: {mode: require, ca_file: %q}}}", known.certFile), ", http3: true", server), address)
	for _, c := range []struct {
		*client

		name, host string
		want       int
	}{
		{ordinary, "of another name", "admin.test", 421}, {ordinary, "of another name", "a.test", 200}, {admin, "of the name", "admin.test", 200},
	} {
		c.send("GET / HTTP/1.1\r\nHost: " + c.host + "\r\n\r\n")
		if got := c.receive("GET").StatusCode; got != c.want {
			t.Errorf("the connection %s, %s: got %d; want %d", c.name, c.host, got, c.want)
		}
	}
	if _, err := r.answered(asking("admin.test", nil)); err == nil {
		t.Error("a new connection needs no certificate")
	}
	q, err := r.dialQUIC(asking("admin.test", nil))
	if err == nil { // as in TLS 1.3
		_, err = q.AcceptUniStream(t.Context())
	}
	var fault *quic.TransportError
	if !errors.As(err, &fault) || !fault.ErrorCode.IsCryptoError() {
		t.Errorf("HTTP/3: got %v; want the handshake refused", err)
	}
	if _, err := r.answered(asking("admin.test", known)); err != nil {
		t.Errorf("with a certificate: %v", err)
	}
}

// TestBackendsAreToldByTheTermsOfTheName: fields of one name are removed for all.
func TestBackendsAreToldByTheTermsOfTheName(t *testing.T) {
	server, known := newPair(t, tomorrow(), "a.test", "admin.test"), newPair(t, tomorrow(), "known")
	rec := record(t)
	r := start(t, tlsText(fmt.Sprintf(`, hosts: {admin.test: {client_auth: {mode: require, ca_file: %q, headers: {X-C-San: san}}}}`, known.certFile), "", server), rec.address)
	for name, want := range map[string]string{"a.test": "[]", "admin.test": "[X-C-San: DNS:known]"} {
		cl, _ := r.mustDialTLS(asking(name, known))
		cl.send("GET / HTTP/1.1\r\nHost: " + name + "\r\nX-C-San: DNS:root\r\nx_c_san: DNS:root\r\n\r\n")
		cl.receive("GET")
		if got := fmt.Sprint(vouched(rec.take(t)[0])); got != want {
			t.Errorf("%s: the backend saw %s; want %s", name, got, want)
		}
	}
}
