package acme

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/engine/certs/acme/vault"
	"github.com/isame-lb/isame-lb/pool/rig"
)

// authority is an issuer on this side of the network.
type authority struct {
	key      *ecdsa.PrivateKey
	lifetime time.Duration
	backdate time.Duration
	fails    atomic.Int64 // how many orders yet
	orders   atomic.Int64
	replaced atomic.Int64  // orders for a certificate that replaces one
	hold     chan struct{} // orders wait for it; nil is no waiting
}

func newAuthority(t *testing.T, lifetime time.Duration) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{key: key, lifetime: lifetime}
}

var errRefused = errors.New("the authority refuses")

func (a *authority) IssuerKey() string { return "test" }

func (a *authority) Issue(ctx context.Context, csr *x509.CertificateRequest) (*certmagic.IssuedCertificate, error) {
	a.orders.Add(1)
	if leaf, ok := ctx.Value(replacesKey{}).(*x509.Certificate); ok && leaf != nil {
		a.replaced.Add(1)
	}
	if a.hold != nil {
		select {
		case <-a.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if a.fails.Add(-1) >= 0 {
		return nil, errRefused
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<60))
	if err != nil {
		return nil, err
	}
	from := time.Now().Add(-a.backdate)
	template := &x509.Certificate{
		SerialNumber: serial, DNSNames: csr.DNSNames, NotBefore: from, NotAfter: from.Add(a.lifetime), Issuer: pkix.Name{CommonName: "authority"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, &x509.Certificate{Subject: pkix.Name{CommonName: "authority"}}, csr.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	return &certmagic.IssuedCertificate{Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}, nil
}

// keeper is a keeper of an authority that tries again soon.
func keeper(t *testing.T, folder string, a *authority) (*Keeper, *rig.Log) {
	t.Helper()
	folderStorage, err := vault.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	log := &rig.Log{}
	k := newKeeper(vault.New(folderStorage), a, (&Section{}).keySource(), zerolog.New(log).Level(zerolog.InfoLevel))
	k.pauses = []time.Duration{time.Millisecond, 5 * time.Millisecond}
	t.Cleanup(func() {
		k.Stop()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	return k, log
}

const patience = 20 * time.Second

// eventually waits until said returns nothing.
func eventually(t *testing.T, what string, said func() string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(patience); ; <-tick.C {
		last := said()
		if last == "" {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%s: still %s after %v", what, last, patience)
		}
	}
}

func has(c *Certificate) func() string {
	return func() string {
		if c.Current() == nil {
			return "no certificate"
		}
		return ""
	}
}

func TestCertificatesAreObtainedAndStored(t *testing.T) {
	folder, a := t.TempDir(), newAuthority(t, 90*24*time.Hour)
	k, log := keeper(t, folder, a)
	one, two := k.Host("a.test"), k.Host("b.test")
	if one.Current() != nil || k.Host("a.test") != one {
		t.Fatal("there is a certificate before anybody was asked, or two of a host")
	}
	k.Keep([]string{"a.test", "b.test"}, true)
	for _, c := range []*Certificate{one, two} {
		eventually(t, c.host, has(c))
		if err := c.Current().Leaf.VerifyHostname(c.host); err != nil {
			t.Error(err)
		}
	}
	eventually(t, "the log says so", func() string { // which it does behind that
		if text := log.String(); !strings.Contains(text, `"host":"a.test"`) || !strings.Contains(text, "certificate is in use") {
			return text
		}
		return ""
	})
	again, _ := keeper(t, folder, a) // a restart
	stored := again.Host("a.test")
	if stored.Current() == nil || !stored.Current().Leaf.Equal(one.Current().Leaf) {
		t.Fatal("the stored certificate was not used at once")
	}
	again.Keep([]string{"a.test"}, true)
	eventually(t, "the storage was looked at", func() string {
		if again.attempt(t.Context(), stored) != nil {
			return "an error"
		}
		return ""
	})
	if got := a.orders.Load(); got != 2 {
		t.Errorf("%d orders; want one for each host", got)
	}
}

func TestFailedOrdersAreTriedAgain(t *testing.T) {
	a := newAuthority(t, 90*24*time.Hour)
	a.fails.Store(4)
	k, log := keeper(t, t.TempDir(), a)
	c := k.Host("a.test")
	k.Keep([]string{"a.test"}, false)
	eventually(t, "a certificate", has(c))
	if got := a.orders.Load(); got != 5 {
		t.Errorf("%d orders; want 5", got)
	}
	for _, want := range []string{"the host has none of its own", `"attempt":4`, errRefused.Error(), "again_in_ms"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, log)
		}
	}
}

// TestRenewal has certificates that are good for two seconds. While the authority
// refuses, the one in use stays.
func TestRenewal(t *testing.T) {
	a := newAuthority(t, 2*time.Second)
	k, log := keeper(t, t.TempDir(), a)
	c := k.Host("a.test")
	k.Keep([]string{"a.test"}, false)
	eventually(t, "a certificate", has(c))
	first := c.Current().Leaf
	a.fails.Store(3)
	eventually(t, "another certificate", func() string {
		if c.Current() == nil {
			t.Fatal("there was none for a moment")
		}
		if c.Current().Leaf.Equal(first) {
			return "the first one"
		}
		return ""
	})
	if a.replaced.Load() == 0 {
		t.Error("no order said which certificate it replaces")
	}
	if !strings.Contains(log.String(), "cannot renew certificate") {
		t.Errorf("the log does not say that a renewal failed:\n%s", log)
	}
}

// TestAnotherProxyHasRenewed puts a certificate into the storage from outside.
func TestAnotherProxyHasRenewed(t *testing.T) {
	folder, a := t.TempDir(), newAuthority(t, 90*24*time.Hour)
	ours, _ := keeper(t, folder, a)
	theirs, _ := keeper(t, folder, a)
	c := ours.Host("a.test")
	if err := ours.attempt(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := theirs.config.RenewCertSync(t.Context(), "a.test", true); err != nil {
		t.Fatal(err)
	}
	before := c.Current()
	if err := ours.attempt(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if c.Current() == before || a.orders.Load() != 2 {
		t.Errorf("it was not found in the storage, after %d orders", a.orders.Load())
	}
}

// TestWhatComesDueAlready is an authority, or a clock, that is far off: it is not
// asked again and again.
func TestWhatComesDueAlready(t *testing.T) {
	a := newAuthority(t, 90*24*time.Hour)
	a.backdate = 80 * 24 * time.Hour
	k, log := keeper(t, t.TempDir(), a)
	k.pauses = []time.Duration{time.Hour}
	c := k.Host("a.test")
	k.Keep([]string{"a.test"}, false)
	eventually(t, "a word about it", func() string {
		if !strings.Contains(log.String(), errStillDue.Error()) {
			return "silent"
		}
		return ""
	})
	if c.Current() == nil {
		t.Error("the certificate is not used")
	}
	if got := a.orders.Load(); got != 1 {
		t.Errorf("%d orders; want 1", got)
	}
}

func TestStopAndKeepBreakOrdersOff(t *testing.T) {
	a := newAuthority(t, time.Hour)
	a.hold = make(chan struct{})
	k, log := keeper(t, t.TempDir(), a)
	k.Host("refused.test") // by a generation that did not come to run
	k.Keep([]string{"a.test", "b.test"}, false)
	eventually(t, "both are ordered", func() string {
		if a.orders.Load() < 2 {
			return "less"
		}
		return ""
	})
	kept, left := k.Host("a.test"), k.Host("b.test")
	k.Keep([]string{"a.test"}, false)
	if k.Host("b.test") == left || k.Host("a.test") != kept {
		t.Error("the host that was left out is still the same, or the other one is not")
	}
	close(a.hold)
	eventually(t, "the order under way goes on", has(kept))
	a.hold = nil
	if left.Current() != nil {
		t.Error("a host that was left out got a certificate")
	}
	if strings.Contains(log.String(), `"level":"error"`) {
		t.Errorf("what was broken off was reported as failed:\n%s", log)
	}
}

func TestLentCertificatesServeMeanwhile(t *testing.T) {
	a := newAuthority(t, 90*24*time.Hour)
	k, _ := keeper(t, t.TempDir(), a)
	c, other := k.Host("a.test"), &tls.Certificate{Leaf: &x509.Certificate{}}
	c.Lend(nil)
	c.Lend(other)
	c.Lend(&tls.Certificate{})
	if c.Current() != other {
		t.Error("what was lent is not used")
	}
	if err := k.attempt(t.Context(), c); err != nil || c.Current() == other || a.replaced.Load() != 0 {
		t.Errorf("got %v; want a certificate of its own that replaces none", err)
	}
	own := c.Current()
	c.Lend(other)
	if c.Current() != own {
		t.Error("what was lent later is used")
	}
}

func TestStorageThatCannotBeUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Section{Storage: file}, &Challenges{}, zerolog.Nop(), nil); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v; want the folder", err)
	}
	if _, err := New(Section{Storage: t.TempDir(), Authorities: "nothing"}, &Challenges{}, zerolog.Nop(), nil); !errors.Is(err, errNoAuthority) {
		t.Errorf("got %v; want %v", err, errNoAuthority)
	}
	folder, a := t.TempDir(), newAuthority(t, 90*24*time.Hour)
	k, _ := keeper(t, folder, a)
	if err := k.attempt(t.Context(), k.Host("a.test")); err != nil {
		t.Fatal(err)
	}
	keys, err := filepath.Glob(filepath.Join(folder, "certificates", "test", "a.test", "*.key"))
	if err != nil || len(keys) != 1 {
		t.Fatalf("found %v, %v", keys, err)
	}
	if err := os.WriteFile(keys[0], []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	broken, log := keeper(t, folder, a)
	c := broken.Host("a.test")
	if c.Current() != nil || !strings.Contains(log.String(), "cannot use the stored certificate") {
		t.Errorf("a broken key was used, or not spoken of:\n%s", log)
	}
	if err := broken.attempt(t.Context(), c); err != nil || c.Current() == nil || !strings.Contains(log.String(), "was set aside") {
		t.Errorf("got %v; want another certificate, and a word about the first:\n%s", err, log)
	}
	aside := filepath.Join(folder, "unreadable", "certificates", "test", "a.test", "a.test.key")
	if text, err := os.ReadFile(aside); err != nil || string(text) != "nothing" {
		t.Errorf("got %q, %v; want what was broken", text, err)
	}
}
