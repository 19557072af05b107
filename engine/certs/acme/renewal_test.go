package acme

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/certs/acme/dns01"
)

// suggest writes what the server said last into the storage.
func suggest(t *testing.T, k *Keeper, c *Certificate, info acme.RenewalInfo) {
	t.Helper()
	issued, err := json.Marshal(acme.Certificate{RenewalInfo: &info})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(certmagic.CertificateResource{SANs: []string{c.host}, IssuerData: issued})
	if err != nil {
		t.Fatal(err)
	}
	if err := k.storage.Store(t.Context(), certmagic.StorageKeys.SiteMeta("test", c.host), text); err != nil {
		t.Fatal(err)
	}
}

// TestRenewalIsPlanned has certificates of 90 days and of six, and a server with an opinion.
func TestRenewalIsPlanned(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		name      string
		lifetime  time.Duration
		suggested time.Duration // after the certificate's begin; 0 is no word
		of        string        // the certificate the word is about; empty is the right one
		here      time.Duration // after its begin it was obtained
		want      time.Duration
		reason    string
	}{
		{"90 days", 90 * day, 0, "", 0, 60 * day, "lifetime"},
		{"six days", 6 * day, 0, "", 0, 4 * day, "lifetime"},
		{"earlier", 90 * day, 20 * day, "", 0, 20 * day, "ari"},
		{"later", 90 * day, 80 * day, "", 0, 60 * day, "lifetime"},
		{"of another certificate", 90 * day, 20 * day, "other", 0, 60 * day, "lifetime"},
		{"before it was here", 90 * day, 20 * day, "", 30 * day, 60 * day, "lifetime"},
		{"before it began", 90 * day, -day, "", 0, 60 * day, "lifetime"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, log := keeper(t, t.TempDir(), newAuthority(t, c.lifetime))
			one := k.Host("a.test")
			if at, reason, failure := one.Renewal(); !at.IsZero() || reason != "" || failure != "" {
				t.Errorf("before the first attempt: got %v, %q, %q", at, reason, failure)
			}
			if err := k.attempt(t.Context(), one); err != nil {
				t.Fatal(err)
			}
			own := one.own.Load()
			one.since = own.NotBefore.Add(c.here)
			if c.suggested != 0 {
				id, err := acme.ARIUniqueIdentifier(own)
				if err != nil {
					t.Fatal(err)
				}
				if c.of != "" {
					id = c.of
				}
				suggest(t, k, one, acme.RenewalInfo{UniqueIdentifier: id, SelectedTime: own.NotBefore.Add(c.suggested), ExplanationURL: "https://why.test/"})
			}
			k.plan(t.Context(), one, time.Now())
			at, reason, failure := one.Renewal()
			if got := at.Sub(own.NotBefore).Round(time.Minute); got != c.want || reason != c.reason || failure != "" {
				t.Errorf("got %v after its begin, by %q, %q; want %v, by %q", got, reason, failure, c.want, c.reason)
			}
			if said := strings.Contains(log.String(), "https://why.test/"); said != (c.reason == "ari") {
				t.Errorf("the log: %s", log)
			}
		})
	}
}

func TestFailuresArePlannedAndCounted(t *testing.T) {
	a := newAuthority(t, 90*24*time.Hour)
	a.fails.Store(1000)
	k, _ := keeper(t, t.TempDir(), a)
	k.pauses = []time.Duration{time.Hour}
	counted := make(chan bool, 1)
	k.counted = func(host string, issued bool) { counted <- issued && host == "a.test" }
	c := k.Host("a.test")
	k.Keep([]string{"a.test"}, false)
	if <-counted {
		t.Error("a failure was counted as a certificate")
	}
	at, reason, failure := c.Renewal()
	if left := time.Until(at); left < 50*time.Minute || left > 70*time.Minute || reason != "retry" || !strings.Contains(failure, errRefused.Error()) {
		t.Errorf("got %v from now, by %q, %q; want an hour and a bit, retry, and the failure", left, reason, failure)
	}
}

// TestNamesDoNotTakeTheCertificateOfTheirWildcard has both in hand at a time.
func TestNamesDoNotTakeTheCertificateOfTheirWildcard(t *testing.T) {
	k, _ := keeper(t, t.TempDir(), newAuthority(t, 90*24*time.Hour))
	wild, name := k.Host("*.a.test"), k.Host("b.a.test")
	if err := k.config.ManageSync(t.Context(), []string{wild.host}); err != nil { // and it stays in the cache
		t.Fatal(err)
	}
	if err := k.attempt(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if got := name.Current().Leaf.DNSNames; len(got) != 1 || got[0] != "b.a.test" {
		t.Errorf("got a certificate of %q", got)
	}
	if err := k.attempt(t.Context(), wild); err != nil || wild.Current().Leaf.DNSNames[0] != "*.a.test" {
		t.Errorf("the wildcard: got %v, %v", wild.Current(), err)
	}
}

// TestSectionsOfOtherKinds share accounts by server, and no certificates.
func TestSectionsOfOtherKinds(t *testing.T) {
	const directory = "https://acme.test/dir"
	plain := Section{Directory: directory, KeyType: "p256"}
	seen := map[string]bool{plain.shelf(): true}
	if plain.shelf() != plain.server() {
		t.Errorf("got %q and %q; want one place, where certmagic's own issuer has it", plain.shelf(), plain.server())
	}
	for _, s := range []Section{{Directory: directory, KeyType: "p384"}, {Directory: directory, Profile: "a"}, {Directory: directory, KeyType: "p384", Profile: "a"}} {
		if seen[s.shelf()] || s.server() != plain.server() {
			t.Errorf("%+v: shelf %q, server %q", s, s.shelf(), s.server())
		}
		seen[s.shelf()] = true
	}
	if a, b := (&Section{Email: "A@b"}).user(), (&Section{Email: "a@b", KeyID: "k"}).user(); a != "a@b" || b != "a@b-k" {
		t.Errorf("got accounts %q and %q", a, b)
	}
	if got := (&Section{DNS: dns01.Options{Propagation: time.Hour}}).orderTime(); got != orderMax+time.Hour {
		t.Errorf("an order may take %v", got)
	}
	for kind, is := range map[string]func(any) bool{
		"":        func(k any) bool { _, ok := k.(*ecdsa.PrivateKey); return ok },
		"rsa2048": func(k any) bool { key, ok := k.(*rsa.PrivateKey); return ok && key.N.BitLen() == 2048 },
	} {
		if key, err := (&Section{KeyType: kind}).keySource().GenerateKey(); err != nil || !is(key) {
			t.Errorf("%q: got a %T, %v", kind, key, err)
		}
	}
	s, err := sectionOf("path", &config.ACME{EAB: &config.ExternalAccount{KeyID: "k", HMACKey: "c2U="}, Profile: "p"})
	if err != nil || s.HMACKey != "c2U" || s.KeyID != "k" || s.Profile != "p" || s.KeyType != "p256" {
		t.Errorf("got %+v, %v", s, err)
	}
}

// TestOldKindsServeUntilThereIsANewOne has a storage with certificates of the server, of
// another one, and one that has expired.
func TestOldKindsServeUntilThereIsANewOne(t *testing.T) {
	folder := t.TempDir()
	storage := &certmagic.FileStorage{Path: folder}
	section := Section{Directory: "https://127.0.0.1:1/dir", Storage: folder}
	put := func(s Section, host string, lifetime time.Duration) string {
		k, _ := keeper(t, t.TempDir(), newAuthority(t, lifetime))
		c := k.Host(host)
		if err := k.attempt(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		for _, keys := range []func(issuer, host string) string{certmagic.StorageKeys.SiteCert, certmagic.StorageKeys.SitePrivateKey} {
			data, err := k.storage.Load(t.Context(), keys("test", host))
			if err == nil {
				err = storage.Store(t.Context(), keys(s.shelf(), host), data)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		return c.Current().Leaf.SerialNumber.String()
	}
	put(section, "a.test", time.Hour)
	want := put(Section{Directory: section.Directory, KeyType: "p384"}, "a.test", 2*time.Hour)
	put(Section{Directory: "https://127.0.0.1:2/dir"}, "a.test", 3*time.Hour)
	put(Section{Directory: "https://127.0.0.1:2/dir"}, "b.test", time.Hour)
	put(section, "c.test", -time.Hour)
	section.Profile = "new"
	k, err := New(section, &Challenges{}, zerolog.Nop(), func(string, bool) {})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Stop()
	c := k.Host("a.test")
	if got := c.Current(); got == nil || got.Leaf.SerialNumber.String() != want || c.own.Load() != nil {
		t.Errorf("got %v; want the one of the server that is good for longest, lent", got)
	}
	for _, host := range []string{"b.test", "c.test"} {
		if k.Host(host).Current() != nil {
			t.Errorf("%s: got a certificate of another server, or one that has expired", host)
		}
	}
	if got := k.another(context.Background(), "nobody.test"); got != nil {
		t.Error("got a certificate for a host without")
	}
}
