package ledger

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool/rig/kill"
)

// lastingDocument keeps what is applied, and has a priority that is the number of a state.
func lastingDocument(dir string, n int) []byte {
	return fmt.Appendf(nil, `{"listeners": {"web": {"address": ":1"}}, "routes": {"all": {"priority": %d, "respond": {"status": 200}}}, "admin": {"persist": "state"}, "state": {"dir": %q}}`, n, dir)
}

// restart is a ledger that has begun with a file of state 0, and what it runs.
func restart(t *testing.T, dir string) (l *Ledger, state int, log *strings.Builder) {
	t.Helper()
	log = &strings.Builder{}
	file, err := config.Load(config.Options{File: "a.json", Format: "json", Data: lastingDocument(dir, 0)})
	if err != nil {
		t.Fatal(err)
	}
	l, err = Open(Options{
		Do:    func(_ context.Context, f func()) error { f(); return nil },
		Apply: func(*config.Loaded, uint64) error { return nil },
		Load: func(d *config.Document, name string) (*config.Loaded, error) {
			return config.Load(config.Options{Document: d, File: name})
		},
		Dir: dir, Logger: zerolog.New(log),
	})
	if err != nil {
		t.Fatal(err)
	}
	run, _ := l.Begin(file)
	l.Begun()
	return l, run.Config.Routes["all"].Priority, log
}

// TestHistoryAfterKill: the next process resumes what was applied last, or what was applied before, and has
// the history that belongs to it.
func TestHistoryAfterKill(t *testing.T) {
	kill.Disk{
		Open: func(t *testing.T, dir string) func(int) error {
			t.Helper()
			l, _, _ := restart(t, dir)
			return func(n int) error {
				edit, err := Put(lastingDocument(dir, n), "json")
				if err != nil {
					return err
				}
				_, err = l.Revise(&Revision{Edit: edit, Match: &Match{Any: true}, Author: Author{Name: strconv.Itoa(n)}})
				return err
			}
		},
		Read: func(t *testing.T, dir string) int {
			t.Helper()
			l, state, log := restart(t, dir)
			for _, word := range []string{"lost", "refused", "a new one begins", "cannot"} {
				if strings.Contains(log.String(), word) {
					t.Errorf("state %d: %s", state, log)
				}
			}
			if state == 0 {
				return 0
			}
			for _, g := range l.History() { // newest first: the start, and what was applied
				if g.Outcome != api.OutcomeApplied || g.Author == Self {
					continue
				}
				if g.Author != strconv.Itoa(state) {
					t.Errorf("the newest line is of %s; want %d", g.Author, state)
				}
				if _, err := l.readDocument(g.ETag); err != nil {
					t.Error(err)
				}
				return state
			}
			t.Errorf("state %d has no history", state)
			return state
		},
	}.Run(t)
}
