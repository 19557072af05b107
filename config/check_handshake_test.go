package config

import (
	"crypto/tls"
	"strings"
	"testing"
)

// TestHandshakeNames: every name that is offered stands for something, and nothing else does.
func TestHandshakeNames(t *testing.T) {
	seen := map[tls.CurveID]bool{}
	for _, name := range curves() {
		id := Curve(name)
		if id == 0 || seen[id] || strings.Contains(id.String(), "MLKEM") != isHybrid(name) {
			t.Errorf("%s: got %v", name, id)
		}
		seen[id] = true
	}
	if len(suites12()) < 6 || Curve("P256") != 0 || TLSVersion("1.1") != 0 || TLSVersion("1.3") != tls.VersionTLS13 {
		t.Error("names stand for something else")
	}
	for _, name := range suites12() {
		if got := tls.CipherSuiteName(CipherSuite(name)); got != name {
			t.Errorf("%s: got %s", name, got)
		}
	}
	for _, s := range append(tls.InsecureCipherSuites(), suiteAmong(tls.CipherSuites(), "TLS_AES_128_GCM_SHA256")) {
		if CipherSuite(s.Name) != 0 {
			t.Errorf("%s may be chosen", s.Name)
		}
	}
}

// TestHandshakesThatMakeSense has sections that are close to those that are refused.
func TestHandshakesThatMakeSense(t *testing.T) {
	for _, tc := range []struct{ section, warning string }{
		{`min_version: "1.3", max_version: "1.3"`, ""},
		{`min_version: "1.3", cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256], hosts: {old.test: {min_version: "1.2"}}`, ""},
		{`min_version: "1.3", curves: [X25519MLKEM768]`, ""},
		{`max_version: "1.2", curves: [X25519MLKEM768, P-256]`, "listeners.web.tls.curves: warning: hybrids have no effect while max_version is 1.2"},
		{`max_version: "1.2", curves: [P-256], hosts: {"*.a.test": {min_version: "1.2"}, a_b.test.: {client_auth: {}}}`, ""},
	} {
		text := "listeners: {web: {address: ':0', tls: {acme: {hosts: [a.test]}, " + tc.section + "}}}\nroutes: {all: {respond: {}}}\n"
		loaded, err := Load(Options{Data: []byte(text), File: "isame.yaml"})
		if err != nil {
			t.Errorf("%s: %v", tc.section, err)
			continue
		}
		got := ""
		if len(loaded.Warnings) > 0 {
			got = loaded.Warnings[0].String()
		}
		if !strings.Contains(got, tc.warning) || tc.warning == "" && got != "" {
			t.Errorf("%s: got %q; want %q", tc.section, got, tc.warning)
		}
	}
}
