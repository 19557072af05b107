package certs

import (
	"crypto/tls"
	"testing"
	"time"
)

// TestAddressesAreSubjects has clients that ask for no name: the address that they have reached
// stands for it, where a certificate has it.
func TestAddressesAreSubjects(t *testing.T) {
	const day = 24 * time.Hour
	s := store(t,
		spec{cn: "first", names: []string{"first.test"}},
		spec{cn: "old", names: []string{"192.0.2.1"}, from: -2 * day, until: -day},
		spec{cn: "rsa", names: []string{"192.0.2.1"}, key: "rsa"},
		spec{cn: "four", names: []string{"192.0.2.1", "www.test"}},
		spec{cn: "six", names: []string{"2001:db8::1"}},
	)
	for _, tc := range []struct {
		sni, local, want string
		known            bool
	}{
		{"", "192.0.2.1:443", "four", true},
		{"", "[2001:db8::1]:443", "six", true},
		{"", "[::ffff:192.0.2.1]:443", "four", true},
		{"", "192.0.2.2:443", "first", false},
		{"", "[fe80::1%lo]:443", "first", false},
		{"", "", "first", false},
		{"first.test", "192.0.2.1:443", "first", true},
		{"other.test", "192.0.2.1:443", "first", false},
		{"192.0.2.1", "10.0.0.1:443", "four", true}, // some do ask so
	} {
		hello := &tls.ClientHelloInfo{ServerName: tc.sni, SupportedVersions: []uint16{tls.VersionTLS13}, SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256, tls.PSSWithSHA256}}
		if tc.local != "" {
			hello.Conn = reached{local: tc.local}
		}
		got, err := s.Choose(hello)
		if err != nil || got.Leaf.Subject.CommonName != tc.want {
			t.Errorf("%q at %q: got %v, %v; want %s", tc.sni, tc.local, got, err, tc.want)
		}
		if known := s.Knows(hello); known != tc.known {
			t.Errorf("%q at %q: is it known: got %v; want %v", tc.sni, tc.local, known, tc.known)
		}
	}
	none := store(t, spec{cn: "first", names: []string{"first.test"}})
	if none.Knows(&tls.ClientHelloInfo{Conn: reached{local: "192.0.2.1:443"}}) || none.Knows(&tls.ClientHelloInfo{}) {
		t.Error("a store without addresses knows one")
	}
}

// TestAddressesOfFilesAndManaged: what is issued for the address goes first, what files have for it
// before a guess.
func TestAddressesOfFilesAndManaged(t *testing.T) {
	own, other := &hosted{}, &hosted{current: issued(t, "192.0.2.9")}
	s := store(t, spec{cn: "first", names: []string{"first.test"}}, spec{cn: "file", names: []string{"192.0.2.1"}})
	s.Manage("192.0.2.1", own)
	s.Manage("192.0.2.9", other)
	choose := func(local string) *tls.Certificate {
		t.Helper()
		c, err := s.Choose(&tls.ClientHelloInfo{Conn: reached{local: local}})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if got := choose("192.0.2.1:443"); got.Leaf.Subject.CommonName != "file" {
		t.Errorf("while none is issued: got %v; want that of the file", got.Leaf.IPAddresses)
	}
	if got := choose("10.0.0.1:443"); got != other.current { // an address translation
		t.Errorf("at another address: got %v; want the one that there is", got.Leaf.IPAddresses)
	}
	own.current = issued(t, "192.0.2.1")
	if got := choose("192.0.2.1:443"); got != own.current {
		t.Errorf("got %v; want the one that was issued", got.Leaf.IPAddresses)
	}
	for local, want := range map[string]bool{"192.0.2.1:443": true, "192.0.2.9:443": true, "10.0.0.1:443": false} {
		if got := s.Knows(&tls.ClientHelloInfo{Conn: reached{local: local}}); got != want {
			t.Errorf("%s: is it known: got %v; want %v", local, got, want)
		}
	}
}
