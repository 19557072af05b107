package dns01

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mholt/acmez/v3/acme"
	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
)

func challenge(host, authorization string) acme.Challenge {
	return acme.Challenge{Type: "dns-01", KeyAuthorization: authorization, Identifier: acme.Identifier{Type: "dns", Value: host}}
}

// newSolver is a solver of a section that asks s alone.
func newSolver(t *testing.T, s *server, c config.ACMEDNS) (*Solver, *strings.Builder) {
	t.Helper()
	if s != nil {
		c.Resolvers = []string{s.address}
	}
	var log strings.Builder
	solver, err := New(OptionsOf(&c), zerolog.New(&log))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(solver.Close)
	return solver, &log
}

// updating is a section whose zone takes updates.
func updating(s *server) config.ACMEDNS {
	return config.ACMEDNS{
		Provider: "rfc2136", Propagation: 10 * time.Second, Server: s.address, KeyName: "isame", KeyAlgorithm: "hmac-sha512", KeySecret: keySecret,
	}
}

// TestUpdatesComeAndGo has two orders at a time whose records have one name: a domain
// and its wildcard.
func TestUpdatesComeAndGo(t *testing.T) {
	s := startServer(t, "a.test.", "b.test.")
	s.put("_acme-challenge.a.test. 60 IN CNAME a.records.b.test.")
	solver, _ := newSolver(t, s, updating(s))
	one, two := challenge("a.test", "one"), challenge("a.test", "two")
	for _, a := range []acme.Challenge{one, two} {
		if err := solver.Present(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		if err := solver.Wait(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.values("a.records.b.test."); len(got) != 2 {
		t.Errorf("got %q; want both values, where the CNAME leads to", got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := solver.CleanUp(ended, one); err != nil {
		t.Fatal(err)
	}
	if got := s.values("a.records.b.test."); len(got) != 1 || got[0] != two.DNS01KeyAuthorization() {
		t.Errorf("got %q; want the other one's alone", got)
	}
	for range 2 {
		if err := solver.CleanUp(t.Context(), two); err != nil {
			t.Fatal(err)
		}
	}
	if got, updates := s.values("a.records.b.test."), s.updated(); len(got) != 0 || updates != 4 {
		t.Errorf("got %q after %d updates; want none after 4", got, updates)
	}
}

// TestWhatIsNotAddedIsRemovedAllTheSame has an answer that is lost or bad: the record may be there.
func TestWhatIsNotAddedIsRemovedAllTheSame(t *testing.T) {
	s := startServer(t, "a.test.")
	section := updating(s)
	section.KeySecret = "b3RoZXI="
	solver, log := newSolver(t, s, section)
	a := challenge("a.test", "one")
	if err := solver.Present(t.Context(), a); err == nil || !strings.Contains(err.Error(), "cannot add the record _acme-challenge.a.test.") {
		t.Errorf("got %v; want the record", err)
	}
	was := removePauses
	removePauses = []time.Duration{time.Millisecond}
	defer func() { removePauses = was }()
	if err := solver.CleanUp(t.Context(), a); err == nil || s.updated() != 3 || !strings.Contains(log.String(), "please do") {
		t.Errorf("got %v after %d updates, and %q; want two tries to remove it, and a word about it", err, s.updated(), log.String())
	}
}

func TestZoneThatIsGiven(t *testing.T) {
	s := startServer(t, "a.test.")
	section := updating(s)
	section.Zone = "other.test"
	solver, _ := newSolver(t, s, section)
	if err := solver.Present(t.Context(), challenge("a.test", "one")); !errors.Is(err, errOtherZone) {
		t.Errorf("got %v; want %v", err, errOtherZone)
	}
	section.Zone = "A.test"
	solver, _ = newSolver(t, s, section)
	if err := solver.Present(t.Context(), challenge("a.test", "one")); err != nil {
		t.Error(err)
	}
	s.do(func() {
		if all := strings.Join(s.asked, ","); strings.Contains(all, "SOA") {
			t.Errorf("asked for %s; want the zone that was given", all)
		}
	})
}

// TestPropagation has a server that does not show the record.
func TestPropagation(t *testing.T) {
	s := startServer(t, "a.test.")
	for propagation, want := range map[time.Duration]error{0: nil, 10 * time.Millisecond: errNotShown} {
		section := updating(s)
		section.Propagation = propagation
		solver, _ := newSolver(t, s, section)
		a := challenge("a.test", "one")
		if err := solver.Present(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		s.do(func() { s.hides = 1000 })
		if err := solver.Wait(t.Context(), a); !errors.Is(err, want) {
			t.Errorf("%v: got %v; want %v", propagation, err, want)
		}
		if err := solver.CleanUp(t.Context(), a); err != nil {
			t.Error(err)
		}
	}
}

func TestPrograms(t *testing.T) {
	s, dir := startServer(t, "a.test."), t.TempDir()
	file := filepath.Join(dir, "program")
	text := `#!/bin/sh
echo "$@" "$PATH" "$HOME" "$(pwd)" >> ` + dir + `/calls
case "$1" in
slow) sleep 1000 & wait ;;
bad) echo "no credentials" >&2; exit 3 ;;
esac
`
	if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	a := challenge("a.test", "one")
	for _, c := range []struct{ argument, want string }{
		{"good", ""},
		{"bad", `"` + file + `" present: exit status 3: it wrote "no credentials\n"`},
		{"slow", `"` + file + `" present: context deadline exceeded`},
	} {
		t.Run(c.argument, func(t *testing.T) {
			section := config.ACMEDNS{Provider: "exec", Exec: []string{file, c.argument}, Timeout: time.Minute}
			if c.argument == "slow" {
				section.Timeout = 100 * time.Millisecond
			}
			solver, _ := newSolver(t, s, section)
			err := solver.Present(t.Context(), a)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v; want %q", err, c.want)
			}
		})
	}
	solver, _ := newSolver(t, s, config.ACMEDNS{Provider: "exec", Exec: []string{file, "good"}, Timeout: time.Minute})
	if err := errors.Join(solver.Present(t.Context(), a), solver.CleanUp(t.Context(), a)); err != nil {
		t.Error(err)
	}
	calls, err := os.ReadFile(filepath.Join(dir, "calls"))
	record := " _acme-challenge.a.test. " + a.DNS01KeyAuthorization() + " /usr/bin:/bin  /\n"
	if want := "good present" + record + "good cleanup" + record; err != nil || !strings.HasSuffix(string(calls), want) {
		t.Errorf("got %q, %v; want %q at the end", calls, err, want)
	}
}

func TestOutputIsBounded(t *testing.T) {
	var output tail
	for range 3 {
		if n, err := output.Write([]byte(strings.Repeat("a", outputMax-1) + "end")); n != outputMax+2 || err != nil {
			t.Errorf("got %d, %v", n, err)
		}
	}
	if len(output.text) != outputMax || !strings.HasSuffix(string(output.text), "end") {
		t.Errorf("got %d bytes; want the last %d", len(output.text), outputMax)
	}
}

// TestOptionsTellSectionsApart changes each key by itself.
func TestOptionsTellSectionsApart(t *testing.T) {
	seen := map[Options]string{}
	for name, c := range map[string]*config.ACMEDNS{
		"none": nil, "provider": {Provider: "exec"}, "token": {Token: "a"}, "propagation": {Propagation: 1}, "resolvers": {Resolvers: []string{"a", "b"}},
		"other resolvers": {Resolvers: []string{"ab"}}, "zone": {Zone: "a"}, "zone_id": {ZoneID: "a"}, "endpoint": {Endpoint: "a"}, "region": {Region: "a"},
		"access_key": {AccessKey: "a"}, "secret_key": {SecretKey: "a"}, "server": {Server: "a"}, "key_name": {KeyName: "a"},
		"key_algorithm": {KeyAlgorithm: "a"}, "key_secret": {KeySecret: "a"}, "exec": {Exec: []string{"a", ""}}, "other exec": {Exec: []string{"a"}}, "timeout": {Timeout: 1},
	} {
		o := OptionsOf(c)
		if other := seen[o]; other != "" {
			t.Errorf("%s is the same as %s", name, other)
		}
		seen[o] = name
	}
	if _, err := New(Options{Provider: "other"}, zerolog.Nop()); !errors.Is(err, errNoProvider) {
		t.Errorf("got %v; want %v", err, errNoProvider)
	}
	if got := split(joined([]string{"a", "", "b"})); len(got) != 3 || got[1] != "" {
		t.Errorf("got %q", got)
	}
}

// TestOrdersDoNotDisturbEachOther adds and removes many values of one name at once.
func TestOrdersDoNotDisturbEachOther(t *testing.T) {
	s := startServer(t, "a.test.")
	solver, _ := newSolver(t, s, updating(s))
	var group sync.WaitGroup
	for key := range strings.SplitSeq("abcdefgh", "") {
		group.Go(func() {
			a := challenge("a.test", key)
			if err := errors.Join(solver.Present(t.Context(), a), solver.Wait(t.Context(), a), solver.CleanUp(t.Context(), a)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got := s.values("_acme-challenge.a.test."); len(got) != 0 {
		t.Errorf("got %q; want none left", got)
	}
}
