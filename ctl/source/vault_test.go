package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/rig"
)

// guest is a Vault, and what it was told.
type guest struct {
	*Vault

	log *rig.Log

	mu         sync.Mutex
	challenges map[string][]byte
	changed    []string
}

func (g *guest) told(all map[string][]byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.challenges = all
}

func (g *guest) heard(name string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return string(g.challenges[name])
}

func (g *guest) put(key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.changed = append(g.changed, key)
}

func (g *guest) saw(key string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Contains(g.changed, key)
}

// guestOf is one of a fleet, until the end of the test.
func guestOf(t *testing.T, s *server, name string) *guest {
	t.Helper()
	g := &guest{log: &rig.Log{}}
	g.Vault = OpenVault(VaultOptions{
		Etcd: &config.Etcd{Endpoints: []string{s.address}, Key: key}, Instance: name, Told: g.told, Changed: g.put,
		Logger: zerolog.New(g.log), pace: quick,
	})
	t.Cleanup(func() {
		g.Stop()
		<-g.Ended()
	})
	return g
}

func TestValuesAreShared(t *testing.T) {
	s := startEtcd(t)
	a, b := guestOf(t, s, "a"), guestOf(t, s, "b")
	if got, err := b.Values(t.Context(), "certificates/x/a.test"); err != nil || len(got) != 0 {
		t.Fatalf("got %v, %v; want nothing", got, err)
	}
	want := map[string][]byte{"certificates/x/a.test/a.test.key": []byte("k"), "certificates/x/a.test/a.test.crt": []byte("c")}
	if err := a.Put(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if err := a.Put(t.Context(), map[string][]byte{"certificates/x/a.test/below/y": nil, "certificates/x/a.testing/z": nil}); err != nil {
		t.Fatal(err)
	}
	got, err := b.Values(t.Context(), "certificates/x/a.test")
	if err != nil || !maps.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("got %q, %v; want the two of the folder", got, err)
	}
	eventually(t, "the other one is told", func() bool { return b.saw("certificates/x/a.test/a.test.key") })
	if keys, err := b.Keys(t.Context(), "certificates"); err != nil || len(keys) != 4 {
		t.Errorf("got %v, %v; want all four", keys, err)
	}
	if err := b.Remove(t.Context(), "certificates/x/a.test"); err != nil {
		t.Fatal(err)
	}
	if keys, err := a.Keys(t.Context(), "certificates"); err != nil || !slices.Equal(keys, []string{"certificates/x/a.testing/z"}) {
		t.Errorf("got %v, %v; want the other folder alone", keys, err)
	}
}

// TestLocksExclude has ten instances add to a number under one lock.
func TestLocksExclude(t *testing.T) {
	s := startEtcd(t)
	const instances, rounds = 10, 5
	var all sync.WaitGroup
	inside, sum := make(chan struct{}, 1), 0
	for n := range instances {
		g := guestOf(t, s, fmt.Sprint("i", n))
		all.Go(func() {
			for range rounds {
				if err := g.Lock(t.Context(), "x"); err != nil {
					t.Error(err)
					return
				}
				select {
				case inside <- struct{}{}:
					sum++
					<-inside
				default:
					t.Error("two have the lock")
				}
				if err := g.Unlock(t.Context(), "x"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if sum != instances*rounds || s.get(key+"/acme/locks/x") != "" {
		t.Errorf("got %d, lock %q; want %d, and no lock", sum, s.get(key+"/acme/locks/x"), instances*rounds)
	}
	g := guestOf(t, s, "last")
	if g.Unlock(t.Context(), "x") == nil {
		t.Error("what is not locked was unlocked")
	}
	if err := g.Lock(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.Lock(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want the end of the context", err)
	}
}

// TestLocksEndWithTheirInstance: at once where it ends well, with its lease where it is gone.
func TestLocksEndWithTheirInstance(t *testing.T) {
	s := startEtcd(t)
	a, b := guestOf(t, s, "a"), guestOf(t, s, "b")
	if err := a.Lock(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	if got := s.get(key + "/acme/locks/x"); !strings.HasPrefix(got, "a/") {
		t.Errorf("got %q; want the name of the instance", got)
	}
	a.Stop()
	if err := b.Lock(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	if err := a.Lock(t.Context(), "y"); err == nil {
		t.Error("one that has ended took a lock")
	}
	// One that is gone: nobody keeps this lease alive.
	l, err := s.client.Grant(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.Put(t.Context(), key+"/acme/locks/y", "gone/1", clientv3.WithLease(l.ID)); err != nil {
		t.Fatal(err)
	}
	if err := b.Lock(t.Context(), "y"); err != nil {
		t.Error(err)
	}
}

// TestAnnouncementsAreHeardWhenAnnounceReturns of by all, and of one that is frozen not at all.
func TestAnnouncementsAreHeardWhenAnnounceReturns(t *testing.T) {
	s := startEtcd(t)
	var all []*guest
	for n := range 5 {
		all = append(all, guestOf(t, s, fmt.Sprint("i", n)))
	}
	for n, g := range all {
		if _, err := g.Held(t.Context(), "x"); err != nil { // it takes part
			t.Fatal(err)
		}
		name, text := fmt.Sprint("http-01-", n), fmt.Sprint("text", n)
		if err := g.Announce(t.Context(), name, []byte(text)); err != nil {
			t.Fatal(err)
		}
		for k, other := range all[:n+1] {
			if got := other.heard(name); got != text {
				t.Errorf("instance %d has %q; want %q", k, got, text)
			}
		}
		if err := g.Withdraw(t.Context(), name); err != nil {
			t.Error(err)
		}
		eventually(t, "it is taken back", func() bool { return all[0].heard(name) == "" })
	}
	l, err := s.client.Grant(t.Context(), 60)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.Put(t.Context(), key+"/acme/heard/frozen", "1", clientv3.WithLease(l.ID)); err != nil {
		t.Fatal(err)
	}
	if err := all[0].Announce(t.Context(), "late", nil); err != nil {
		t.Errorf("got %v; want it to go on", err)
	}
	if !strings.Contains(all[0].log.String(), "do not hear of challenges in time") {
		t.Error("nothing is said of it")
	}
}

func TestFailuresHoldOthersOff(t *testing.T) {
	s := startEtcd(t)
	a, b := guestOf(t, s, "a"), guestOf(t, s, "b")
	if err := a.HoldOff(t.Context(), "shelf/a.test", "it failed", 2*time.Second); err != nil {
		t.Fatal(err)
	}
	if why, err := b.Held(t.Context(), "shelf/a.test"); err != nil || why != "a: it failed" {
		t.Errorf("got %q, %v; want the reason and whose it is", why, err)
	}
	if why, err := b.Held(t.Context(), "shelf/b.test"); err != nil || why != "" {
		t.Errorf("another host: got %q, %v; want nothing", why, err)
	}
	eventually(t, "it ends", func() bool {
		why, err := b.Held(t.Context(), "shelf/a.test")
		return err == nil && why == ""
	})
}

// TestVaultWithoutEtcd: frozen and killed, what is asked fails within the bound of one call, and then
// at once; when it answers again everything does, and what was to be given back is.
func TestVaultWithoutEtcd(t *testing.T) {
	s := startEtcd(t)
	g := guestOf(t, s, "a")
	if err := g.Lock(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	s.signal(syscall.SIGSTOP)
	eventually(t, "it is noticed", func() bool { _, err := g.Values(t.Context(), "x"); return err != nil })
	began := time.Now()
	for range 100 {
		if _, err := g.Values(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), "cannot be reached") {
			t.Fatalf("got %v; want it refused at once", err)
		}
	}
	if took := time.Since(began); took > quick.call {
		t.Errorf("a hundred questions took %v; want less than one call", took)
	}
	if err := g.Unlock(t.Context(), "x"); err != nil {
		t.Error(err)
	}
	s.signal(syscall.SIGCONT)
	eventually(t, "the lock is given back", func() bool { return s.get(key+"/acme/locks/x") == "" })
	s.kill()
	eventually(t, "it is gone", func() bool { return g.Put(t.Context(), map[string][]byte{"a/b": nil}) != nil })
	if !s.start() {
		t.Fatal("etcd does not start again")
	}
	eventually(t, "it is back", func() bool { return g.Put(t.Context(), map[string][]byte{"a/b": []byte("secret")}) == nil })
	if log := g.log.String(); strings.Contains(log, "secret") || !strings.Contains(log, "certificates are shared again") {
		t.Errorf("got %s; want it said that etcd answers, and no values", log)
	}
}
