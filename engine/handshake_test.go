package engine

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/quic-go/quic-go"
)

// TestSuitesCurvesAndVersions has clients that offer one thing, or all they have.
func TestSuitesCurvesAndVersions(t *testing.T) {
	const (
		gcm256 = tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
		gcm128 = tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
		cbc    = tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA
	)
	suites := func(of ...uint16) *tls.Config { return &tls.Config{CipherSuites: of, MaxVersion: tls.VersionTLS12} }
	curves := func(of ...tls.CurveID) *tls.Config { return &tls.Config{CurvePreferences: of} }
	for _, tc := range []struct {
		name, section string
		client        *tls.Config
		want          string // of version, suite and curve; empty: no handshake
	}{
		{"default suites", "", suites(cbc), ""},
		{"default suites", "", suites(gcm128), "AES_128_GCM"},
		{"one suite", "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]", suites(gcm128), ""},
		{"one suite", "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]", suites(gcm128, gcm256), "AES_256_GCM"},
		{"an old one", "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA]", suites(cbc), "AES_128_CBC"},
		{"their order means nothing", "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]", suites(cbc, gcm128), "AES_128_GCM"},
		{"not those of 1.3", "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA]", &tls.Config{}, "TLS 1.3"},
		{"default curves", "", curves(tls.CurveP521), ""},
		{"a curve", "curves: [P-521]", curves(tls.CurveP521), "CurveP521"},
		{"a curve", "curves: [P-521]", curves(tls.X25519, tls.CurveP256), ""},
		{"their order means nothing", "curves: [P-384, X25519]", curves(tls.CurveP384, tls.X25519), "X25519"},
		{"no hybrids", "curves: [X25519, P-256]", &tls.Config{}, "X25519"},
		{"hybrids alone", `curves: [X25519MLKEM768], min_version: "1.3"`, &tls.Config{}, "X25519MLKEM768"},
		{"hybrids alone", `curves: [X25519MLKEM768], min_version: "1.3"`, curves(tls.X25519), ""},
		{"the highest version", `max_version: "1.2"`, &tls.Config{}, "TLS 1.2"},
		{"the highest version", `max_version: "1.2"`, &tls.Config{MinVersion: tls.VersionTLS13}, ""},
		{"the highest version", `max_version: "1.3"`, &tls.Config{}, "TLS 1.3"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			more := ""
			if tc.section != "" {
				more = ", " + tc.section
			}
			r := start(t, tlsText(more, "", newPair(t, tomorrow(), "a.test")), backend(t, sees))
			tc.client.ServerName = "a.test"
			cl, conn, err := r.dialTLS(tc.client)
			if err != nil {
				if tc.want != "" {
					t.Errorf("got %v; want %s", err, tc.want)
				}
				return
			}
			s := conn.ConnectionState()
			got := fmt.Sprintf("%s, %s, %s", tls.VersionName(s.Version), tls.CipherSuiteName(s.CipherSuite), s.CurveID)
			if tc.want == "" || !strings.Contains(got, tc.want) {
				t.Errorf("got %s; want %q", got, tc.want)
			}
			if cl.get("/").StatusCode != 200 {
				t.Error("no answer")
			}
		})
	}
}

// TestCurvesOfQUIC: HTTP/3 offers what the section says, too.
func TestCurvesOfQUIC(t *testing.T) {
	r := start(t, tlsText(", curves: [P-384]", ", http3: true", newPair(t, tomorrow(), "a.test")), backend(t, sees))
	for curve, ok := range map[tls.CurveID]bool{tls.CurveP384: true, tls.X25519: false} {
		c := asking("a.test", nil)
		c.CurvePreferences = []tls.CurveID{curve}
		if _, err := r.h3As(c); (err == nil) != ok {
			t.Errorf("%s: got %v; want a handshake: %v", curve, err, ok)
		}
	}
}

// TestUnknownNamesAreRefused asks for names that no certificate is for, with and without
// a session that was begun under one that is known.
func TestUnknownNamesAreRefused(t *testing.T) {
	r := start(t, tlsText(", unknown_sni: refuse", ", http3: true", newPair(t, tomorrow(), "a.test", "*.wide.test")), backend(t, sees))
	refused := 0
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for name, ok := range map[string]bool{"a.test": true, "A.test": true, "x.wide.test": true, "x.y.wide.test": false, "wide.test": false, "b.test": false, "": false} {
			for _, kept := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s %q, session: %v", tls.VersionName(version), name, kept), func(t *testing.T) {
					c := asking(name, nil)
					c.MaxVersion = version
					if kept {
						session := &oneSession{}
						known := asking("a.test", nil)
						known.MaxVersion, known.ClientSessionCache, c.ClientSessionCache = version, session, session
						if _, err := r.answered(known); err != nil || session.last == nil {
							t.Fatalf("no session: %v", err)
						}
					}
					_, err := r.answered(c)
					if ok != (err == nil) || !ok && !strings.Contains(err.Error(), "unrecognized name") {
						t.Errorf("got %v; want a handshake: %v", err, ok)
					}
					if !ok {
						refused++
					}
				})
			}
		}
	}
	for name, ok := range map[string]bool{"a.test": true, "b.test": false, "": false} {
		_, err := r.h3As(asking(name, nil))
		var fault *quic.TransportError
		if ok != (err == nil) || !ok && (!errors.As(err, &fault) || fault.ErrorCode != 0x100+112) {
			t.Errorf("HTTP/3, %q: got %v; want a handshake: %v", name, err, ok)
		}
		if !ok {
			refused++
		}
	}
	want := fmt.Sprintf(`isame_connections_failed_total{listener="web",reason="unknown_sni"} %d`, refused)
	eventually(t, func() string { return "the metrics say " + want }, func() bool {
		var page strings.Builder
		r.engine.registry.WriteMetrics(&page, "")
		return strings.Contains(page.String(), want)
	})
}

// TestUnknownNamesFollowReloads switches it on and off under clients.
func TestUnknownNamesFollowReloads(t *testing.T) {
	p, address := newPair(t, tomorrow(), "a.test"), backend(t, sees)
	r := start(t, tlsText("", ", http3: true", p), address)
	kept, _ := r.mustDialTLS(asking("b.test", nil))
	for _, refuse := range []bool{false, true, false} {
		more := ""
		if refuse {
			more = ", unknown_sni: refuse"
		}
		r.apply(tlsText(more, ", http3: true", p), address)
		if _, err := r.answered(asking("b.test", nil)); (err != nil) != refuse {
			t.Errorf("refuse %v: got %v", refuse, err)
		}
		if _, err := r.h3As(asking("b.test", nil)); (err != nil) != refuse {
			t.Errorf("refuse %v: HTTP/3: got %v", refuse, err)
		}
		if got := kept.get("/").StatusCode; got != 200 {
			t.Errorf("refuse %v: a connection that was open: got %d", refuse, got)
		}
	}
}
