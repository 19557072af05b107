package ledger

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
)

// board is where documents are shared, without etcd.
type board struct {
	t       *testing.T
	ledger  *Ledger
	there   string // the status of the document that lies there
	taken   string
	fail    error // of the next Publish
	applied []int // statuses, in their order
}

func statusDocument(status string) []byte {
	return []byte(`{"listeners": {"web": {"address": ":1"}}, "routes": {"all": {"respond": {"status": ` + status + `}}}}`)
}

// newBoard has a document with status 201.
func newBoard(t *testing.T) *board {
	t.Helper()
	b := &board{t: t, there: "201", taken: "201"}
	read := func() (*config.Loaded, error) {
		return config.Load(config.Options{File: "etcd", Format: "json", Data: statusDocument(b.there)})
	}
	l, err := Open(Options{
		Do: func(_ context.Context, f func()) error { f(); return nil },
		Apply: func(l *config.Loaded, _ uint64) error {
			b.applied = append(b.applied, l.Config.Routes["all"].Respond.Status)
			return nil
		},
		Load: func(d *config.Document, name string) (*config.Loaded, error) {
			return config.Load(config.Options{Document: d, File: name})
		},
		ReadFile: read, Logger: zerolog.Nop(), After: func(time.Duration, func()) func() bool { return func() bool { return true } },
		Shared: &Shared{Ready: b.ready, Publish: b.publish, Astray: func() bool { return b.there != b.taken }, CatchUp: b.catchUp},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.ledger = l
	first, err := read()
	if err != nil {
		t.Fatal(err)
	}
	l.Begin(first)
	l.Begun()
	return b
}

func (b *board) ready(over bool) error {
	if b.there != b.taken && !over {
		return ErrStale
	}
	return nil
}

func (b *board) publish(p *Publication) error {
	if b.fail != nil {
		return b.fail
	}
	loaded, err := config.Load(config.Options{Document: p.Document, File: "published"})
	if err != nil {
		return err
	}
	b.there = strconv.Itoa(loaded.Config.Routes["all"].Respond.Status)
	b.taken = b.there
	return nil
}

func (b *board) catchUp() {
	if _, err := b.ledger.Reload(Author{Name: "other", Trigger: TriggerEtcd}, false); err != nil {
		b.t.Error(err)
	}
	b.taken = b.there
}

// put applies a status, for whoever knows what runs.
func (b *board) put(status string, confirm time.Duration, over bool) error {
	b.t.Helper()
	edit, err := Put(statusDocument(status), "json")
	if err != nil {
		b.t.Fatal(err)
	}
	v, _ := b.ledger.View()
	m := &Match{Tags: []string{v.ETag}}
	if over {
		m = &Match{Any: true}
	}
	_, err = b.ledger.Revise(&Revision{
		Author: Author{Name: "me", Trigger: TriggerAPI}, Edit: edit, Match: m, Trying: Trying{Confirm: confirm},
	})
	return err
}

func (b *board) want(there string, applied ...int) {
	b.t.Helper()
	if b.there != there || !slices.Equal(b.applied, applied) {
		b.t.Errorf("got %s shared and %v applied; want %s and %v", b.there, b.applied, there, applied)
	}
	if s := b.ledger.State(); s.Drift || s.Source == api.SourceFile {
		b.t.Errorf("got %+v; want no drift, and nothing of a file", s)
	}
}

func codeOf(err error) (status int, code api.Code) {
	if p, ok := errors.AsType[*api.Problem](err); ok {
		return p.Status, p.Code
	}
	return 0, ""
}

func TestChangesAreShared(t *testing.T) {
	b := newBoard(t)
	if err := b.put("202", 0, false); err != nil {
		t.Fatal(err)
	}
	b.want("202", 202)
	b.there = "201" // somebody goes back to what was there before
	b.catchUp()
	b.want("201", 202, 201)
	if h := b.ledger.History(); h[0].Trigger != TriggerEtcd || h[0].Author != "other" || h[1].Outcome != api.OutcomeApplied {
		t.Errorf("got %+v; want it followed, and nothing superseded by a file", h)
	}
	if _, err := b.ledger.Rollback(&Return{Author: Author{Name: "me"}}); err != nil {
		t.Fatal(err)
	}
	b.want("202", 202, 201, 202)
}

// TestChangeThatCannotBeShared was tried here, and what ran before serves again.
func TestChangeThatCannotBeShared(t *testing.T) {
	b := newBoard(t)
	b.fail = errors.New("etcd is silent")
	if status, code := codeOf(b.put("202", 0, false)); status != http.StatusConflict || code != api.CodeNotWritable {
		t.Errorf("got %d %s; want it not writable", status, code)
	}
	b.want("201", 202, 201)
	if h := b.ledger.History(); h[0].Outcome != api.OutcomeRefused || h[0].Author != "me" {
		t.Errorf("got %+v; want it refused", h[0])
	}
	b.fail = nil
	if err := b.put("203", 0, false); err != nil {
		t.Fatal(err)
	}
	b.want("203", 202, 201, 203)
}

// TestLostRace answers with the one who was first, which is taken at once.
func TestLostRace(t *testing.T) {
	b := newBoard(t)
	b.there = "204"
	err := b.put("202", 0, false)
	if status, code := codeOf(err); status != http.StatusPreconditionFailed || code != api.CodeStaleETag {
		t.Fatalf("got %v; want it stale", err)
	}
	v, _ := b.ledger.View()
	if p, _ := errors.AsType[*api.Problem](err); p.Current == nil || p.Current.ETag != v.ETag || p.Current.Author != "other" {
		t.Errorf("got %+v; want what runs by now", p.Current)
	}
	b.want("204", 204)
	b.there = "299" // what was refused here
	if err := b.put("204", 0, true); err != nil {
		t.Fatal(err)
	}
	b.want("204", 204) // what runs is put again
}

func TestTrialIsSharedWhenConfirmed(t *testing.T) {
	b := newBoard(t)
	confirm := func() error {
		v, _ := b.ledger.View()
		_, err := b.ledger.Confirm(v.Generation, time.Now().Add(time.Hour), Author{Name: "me"})
		return err
	}
	if err := b.put("202", time.Minute, false); err != nil {
		t.Fatal(err)
	}
	if b.there != "201" {
		t.Errorf("got %s shared; want what is on trial to stay here", b.there)
	}
	if err := confirm(); err != nil {
		t.Fatal(err)
	}
	b.want("202", 202)
	if err := b.put("203", time.Minute, false); err != nil {
		t.Fatal(err)
	}
	b.fail = ErrStale
	if status, _ := codeOf(confirm()); status != http.StatusPreconditionFailed {
		t.Errorf("got %d; want a race that was lost during the trial", status)
	}
	b.fail = nil
	if _, err := b.ledger.Rollback(&Return{Author: Author{Name: "me"}}); err != nil {
		t.Fatal(err)
	}
	b.want("202", 202, 203, 202)
}
