package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sClient is openssl's client of listener web that asks for a name; an empty one is none.
func (p *proxy) sClient(openssl, name string, args ...string) string {
	p.t.Helper()
	all := []string{"s_client", "-crlf", "-connect", p.address()}
	if name == "" {
		all = append(all, "-noservername")
	} else {
		all = append(all, "-servername", name)
	}
	return talk(p.t, openssl, append(all, args...), false)
}

// TestOpenSSLCarriesASessionToAnotherName: a session that was begun where nobody asks for
// a certificate is worth nothing where one is asked for, and neither is one of others.
func TestOpenSSLCarriesASessionToAnotherName(t *testing.T) {
	openssl := needProgram(t, "openssl", "openssl")
	b, c := newBackend(t, nil), newPair(t, tomorrow(), "a.test", "open.test", "admin.test", "asks.test", "partner.test")
	staff, partner := newPair(t, tomorrow(), "staff"), newPair(t, tomorrow(), "partner")
	hosts := fmt.Sprintf(`, hosts: {open.test: {min_version: "1.2"}, asks.test: {client_auth: {mode: request, ca_file: %[1]q}},
  admin.test: {client_auth: {mode: require, ca_file: %[1]q}}, partner.test: {client_auth: {mode: require, ca_file: %[2]q}}}`, staff.certFile, partner.certFile)
	p := start(t, overTLS(members(b), hosts, "", c))
	as := func(of *pair) []string { return []string{"-cert", of.certFile, "-key", of.keyFile} }
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		for _, tc := range []struct {
			from     string
			fromWith *pair
			to       string
			with     *pair
			want     string
		}{
			{"a.test", nil, "a.test", nil, "Reused, "},
			{"a.test", nil, "asks.test", staff, "New, "},
			{"a.test", nil, "admin.test", nil, "alert"},
			{"a.test", nil, "admin.test", staff, "New, "},
			{"partner.test", partner, "admin.test", nil, "alert"},
			{"admin.test", staff, "admin.test", nil, "Reused, "},
		} {
			t.Run(fmt.Sprintf("%s %s to %s, certificate: %v", version, tc.from, tc.to, tc.with != nil), func(t *testing.T) {
				session := filepath.Join(t.TempDir(), "session.pem")
				first, second := []string{version, "-sess_out", session}, []string{version, "-sess_in", session}
				if tc.fromWith != nil {
					first = append(first, as(tc.fromWith)...)
				}
				if tc.with != nil {
					second = append(second, as(tc.with)...)
				}
				if out := p.sClient(openssl, tc.from, first...); !strings.Contains(out, "New, ") {
					t.Fatalf("the first one:\n%s", out)
				}
				if stat, err := os.Stat(session); err != nil || stat.Size() == 0 {
					t.Fatalf("no session was kept: %v", err)
				}
				out := p.sClient(openssl, tc.to, second...)
				if !strings.Contains(out, tc.want) || (tc.want == "alert") == strings.Contains(out, "HTTP/1.1 ") {
					t.Errorf("lacks %q:\n%s", tc.want, out)
				}
			})
		}
	}
}

func TestOpenSSLAsksForNamesThatNobodyHas(t *testing.T) {
	openssl := needProgram(t, "openssl", "openssl")
	b, c := newBackend(t, nil), newPair(t, tomorrow(), "a.test")
	p := start(t, overTLS(members(b), ", unknown_sni: refuse", "", c))
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		for name, want := range map[string]string{"a.test": "HTTP/1.1 200", "b.test": "unrecognized name", "": "unrecognized name"} {
			out := p.sClient(openssl, name, version)
			if !strings.Contains(out, want) || want != "HTTP/1.1 200" && strings.Contains(out, "BEGIN CERTIFICATE") {
				t.Errorf("%s, %q: lacks %q, or shows a certificate:\n%s", version, name, want, out)
			}
		}
	}
	p.eventuallyCounts(4, "isame_connections_failed_total", "listener", "web", "reason", "unknown_sni")
}

func TestOpenSSLMeetsSuitesAndCurves(t *testing.T) {
	openssl := needProgram(t, "openssl", "openssl")
	b, c := newBackend(t, nil), newPair(t, tomorrow(), "a.test")
	p := start(t, overTLS(members(b), `, cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384], curves: [P-384, P-521], max_version: "1.2"`, "", c))
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"what there is", nil, "ECDHE-ECDSA-AES256-GCM-SHA384"},
		{"another suite", []string{"-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"}, "handshake failure"},
		{"another curve", []string{"-groups", "X25519:P-256"}, "handshake failure"},
		{"the last curve", []string{"-groups", "P-256:P-521"}, "secp521r1"}, // P-256 is for the certificate, which openssl wants to be there
		{"another version", []string{"-tls1_3"}, "protocol version"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if out := p.sClient(openssl, "a.test", tc.args...); !strings.Contains(out, tc.want) {
				t.Errorf("lacks %q:\n%s", tc.want, out)
			}
		})
	}
}
