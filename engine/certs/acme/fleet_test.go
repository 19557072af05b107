package acme

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mholt/acmez/v3/acme"
	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/engine/certs/acme/vault"
	"github.com/isame-lb/isame-lb/pool/rig"
)

// hall is what the instances of a test share, in memory: everybody hears at once.
type hall struct {
	*vault.Folder // its values

	mu         sync.Mutex
	challenges map[string][]byte
	failed     map[string]string
	members    []*Challenges
	gone       atomic.Bool
}

var errGone = errors.New("nobody answers")

func newHall(t *testing.T, members ...*Challenges) *hall {
	t.Helper()
	f, err := vault.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := &hall{Folder: f, challenges: map[string][]byte{}, failed: map[string]string{}, members: members}
	for _, m := range members {
		m.Share(h)
	}
	return h
}

func (h *hall) Keys(ctx context.Context, folder string) ([]string, error) {
	return h.List(ctx, folder, true)
}

func (h *hall) Values(ctx context.Context, folder string) (map[string][]byte, error) {
	if h.gone.Load() {
		return nil, errGone
	}
	keys, _ := h.List(ctx, folder, false) // an absent folder has none
	all := map[string][]byte{}
	for _, key := range keys {
		if text, err := h.Load(ctx, key); err == nil {
			all[key] = text
		}
	}
	return all, nil
}

func (h *hall) Put(ctx context.Context, values map[string][]byte) error {
	err := h.StoreAll(ctx, values)
	for key := range values {
		for _, m := range h.members {
			m.Changed(key)
		}
	}
	return err
}

func (h *hall) Remove(ctx context.Context, key string) error { return h.Delete(ctx, key) }

func (h *hall) Announce(_ context.Context, name string, text []byte) error {
	if h.gone.Load() {
		return errGone
	}
	h.tell(func() { h.challenges[name] = text })
	return nil
}

func (h *hall) Withdraw(_ context.Context, name string) error {
	h.tell(func() { delete(h.challenges, name) })
	return nil
}

func (h *hall) tell(edit func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	edit()
	for _, m := range h.members {
		m.Told(h.challenges)
	}
}

func (h *hall) HoldOff(_ context.Context, name, why string, _ time.Duration) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failed[name] = why
	return nil
}

func (h *hall) Held(_ context.Context, name string) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failed[name], nil
}

// TestChallengesOfOtherInstances are answered in both ways, until they are taken back.
func TestChallengesOfOtherInstances(t *testing.T) {
	var ours, theirs Challenges
	h := newHall(t, &ours, &theirs)
	solvers := solversOf(t, &ours, true)
	a := acme.Challenge{Token: "one", KeyAuthorization: "one.key", Identifier: acme.Identifier{Type: "dns", Value: "a.test"}}
	for _, s := range solvers {
		if err := s.Present(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	hello := &tls.ClientHelloInfo{ServerName: "a.test", SupportedProtos: []string{Protocol}}
	for name, c := range map[string]*Challenges{"ours": &ours, "theirs": &theirs} {
		if got := c.KeyAuthorization([]byte(pathPrefix + "one")); got != "one.key" {
			t.Errorf("%s: got %q; want the answer", name, got)
		}
		if c.Config(hello) == nil {
			t.Errorf("%s: no certificate answers", name)
		}
	}
	if leaf := handshake(t, theirs.Config(hello)); leaf.PeerCertificates[0].VerifyHostname("a.test") != nil {
		t.Error("the certificate is not the challenge's")
	}
	kept := theirs.Config(hello)
	h.tell(func() { h.challenges["other"] = []byte("{"); h.challenges["dns"] = []byte(`{"type":"dns-01"}`) })
	if theirs.Config(hello) != kept {
		t.Error("what is posed still was made anew")
	}
	for _, s := range solvers {
		if err := s.CleanUp(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]*Challenges{"ours": &ours, "theirs": &theirs} {
		if c.tokens.Load() != nil || c.names.Load() != nil {
			t.Errorf("%s: something is left", name)
		}
	}
	h.gone.Store(true)
	for kind, s := range solvers {
		if err := s.Present(t.Context(), a); !errors.Is(err, errGone) {
			t.Errorf("%s: got %v; want the server not asked to look", kind, err)
		}
	}
	if ours.tokens.Load() != nil || ours.names.Load() != nil {
		t.Error("what could not be announced is left")
	}
}

// TestFailuresOfOtherInstances hold off: the server is not asked by each of them.
func TestFailuresOfOtherInstances(t *testing.T) {
	s, folder := startRefusing(t), t.TempDir()
	one, two := s.issuer(t, folder), s.issuer(t, folder)
	newHall(t, one.challenges, two.challenges)
	csr, _ := request(t)
	ctx := context.WithValue(t.Context(), pauseKey{}, time.Minute)
	if _, err := one.Issue(ctx, csr); err == nil || errors.Is(err, errHeldOff) {
		t.Fatalf("got %v; want the word of the server", err)
	}
	if _, err := two.Issue(ctx, csr); !errors.Is(err, errHeldOff) || !strings.Contains(err.Error(), "unauthorized") {
		t.Errorf("got %v; want the failure of the other one", err)
	}
	if n := len(s.mu.orders); n != 1 {
		t.Errorf("%d orders; want 1", n)
	}
}

// TestWhatOthersObtainIsFoundAtOnce, also during a long pause, and shown while nobody answers.
func TestWhatOthersObtainIsFoundAtOnce(t *testing.T) {
	var ours, theirs Challenges
	h := newHall(t, &ours, &theirs)
	join := func(c *Challenges, a *authority) (*Keeper, *rig.Log) {
		t.Helper()
		storage, err := c.storage(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		log := &rig.Log{}
		k := newKeeper(storage, a, (&Section{}).keySource(), zerolog.New(log))
		k.others, k.pauses = c, []time.Duration{time.Hour}
		t.Cleanup(k.Stop)
		return k, log
	}
	refuses, a := newAuthority(t, time.Hour), newAuthority(t, time.Hour)
	refuses.fails.Store(1 << 30)
	waiting, log := join(&ours, refuses)
	waiting.Keep([]string{"a.test"}, true)
	eventually(t, "it waits for an hour", func() string {
		if !strings.Contains(log.String(), "cannot obtain certificate") {
			return "not"
		}
		return ""
	})
	other, _ := join(&theirs, a)
	other.Keep([]string{"a.test"}, true)
	c := waiting.Host("a.test")
	eventually(t, "the certificate of the other one", has(c))
	eventually(t, "the other one has it as well", has(other.Host("a.test")))
	if n := refuses.orders.Load(); n != 1 || !c.Current().Leaf.Equal(other.Host("a.test").Current().Leaf) {
		t.Errorf("%d orders; want 1, and the certificate of the other one", n)
	}
	h.gone.Store(true)
	if err := waiting.attempt(t.Context(), c); err != nil || c.Current() == nil {
		t.Errorf("got %v; want the copy", err)
	}
	text, err := json.Marshal(log.String())
	if err != nil || strings.Contains(string(text), "PRIVATE KEY") {
		t.Error("the log holds a private key")
	}
}
