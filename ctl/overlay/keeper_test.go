package overlay

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool"
)

// proxy is what the keeper needs of one: pools that are built anew.
type proxy struct {
	t       *testing.T
	overlay *pool.Overlay
	serving atomic.Pointer[pool.Set]
	cfg     config.Config
	keeper  *Keeper
	log     strings.Builder

	building sync.Mutex
}

// startProxy has a pool p of the addresses, and keeps its overlay in dir.
func startProxy(t *testing.T, dir string, addresses ...string) *proxy {
	t.Helper()
	p := &proxy{t: t, overlay: pool.NewOverlay()}
	p.keeper = Open(Options{
		Overlay: p.overlay, Pools: p.serving.Load, Dir: dir, Logger: zerolog.New(&p.log),
		Add: func(name string, c config.Backend, author string) error {
			return errors.Join(p.serving.Load().Add(name, c, author), p.build())
		},
		Remove: func(name, address, author string) error {
			return errors.Join(p.serving.Load().Remove(name, address, author), p.build())
		},
		Settle: func(changed []pool.Override) error {
			p.serving.Load().Settle(changed)
			return p.build()
		},
	})
	p.reload(addresses...)
	p.keeper.Start()
	t.Cleanup(func() {
		p.keeper.Close()
		p.serving.Load().Retire(nil, 0)
	})
	return p
}

// reload serves a pool p of the addresses.
func (p *proxy) reload(addresses ...string) {
	p.t.Helper()
	list := make([]config.Backend, 0, len(addresses))
	for _, a := range addresses {
		list = append(list, config.Backend{Address: a, Weight: 1})
	}
	p.cfg = config.Config{Pools: map[string]config.Pool{"p": {Backends: list}}}
	if err := p.build(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *proxy) build() error {
	p.building.Lock()
	defer p.building.Unlock()
	before := p.serving.Load()
	next, err := pool.Build(&p.cfg, before, pool.Options{Shards: 1, Overlay: p.overlay})
	if err != nil {
		return err
	}
	next.Start()
	p.serving.Store(next)
	if before != nil {
		before.Retire(next, 0)
	}
	return nil
}

// state is that of a member, or "none".
func (p *proxy) state(address string) string {
	for _, b := range p.serving.Load().Pool("p").Status().Backends {
		if b.Address == address {
			return b.State
		}
	}
	return "none"
}

// shift moves the end of a state in the file.
func (p *proxy) shift(dir, address string, by time.Duration) {
	p.t.Helper()
	all, err := read(dir)
	p.must(err)
	for i := range all {
		if all[i].Address == address {
			*all[i].Until = all[i].Until.Add(by)
		}
	}
	text, err := json.Marshal(kept{fileVersion, all})
	p.must(errors.Join(err, os.WriteFile(filepath.Join(dir, fileName), text, 0o600)))
}

// must ends the test where something was refused.
func (p *proxy) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// TestRestartFindsTheOverlay, and its times go on.
func TestRestartFindsTheOverlay(t *testing.T) {
	dir := t.TempDir()
	p := startProxy(t, dir, "a:1", "b:1", "c:1")
	p.must(p.keeper.Ask("p", "a:1", pool.Wish{State: pool.Drain, Until: time.Now().Add(time.Hour), Author: "alice"}))
	p.must(p.keeper.Ask("p", "b:1", pool.Wish{State: pool.Disabled, Until: time.Now().Add(time.Hour)}))
	p.must(p.keeper.Remove("p", "c:1", "bob"))
	p.must(p.keeper.Add("p", config.Backend{Address: "d:1", Weight: 3}, "bob"))
	before := p.keeper.List()
	p.keeper.Close()
	p.shift(dir, "b:1", -2*time.Hour) // the time passes while nobody is there
	q := startProxy(t, dir, "a:1", "b:1", "c:1")
	for address, want := range map[string]string{"a:1": "drain", "b:1": "enabled", "c:1": "none", "d:1": "enabled"} {
		if got := q.state(address); got != want {
			t.Errorf("%s: %s after the restart; want %s", address, got, want)
		}
	}
	after := q.keeper.List()
	if len(before) != 4 || len(after) != 3 || after[0].Author != "alice" || !after[0].Until.Equal(*before[0].Until) || after[2].Added.Weight != 3 {
		t.Errorf("got %+v; want what was asked for: %+v", after, before)
	}
	if info, err := os.Stat(filepath.Join(dir, fileName)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v; want mode 0600", info, err)
	}
	if !strings.Contains(q.log.String(), "as operators have asked") {
		t.Errorf("the start says nothing of it: %s", q.log.String())
	}
}

// TestNothingIsWrittenBehindClose: the folder belongs to the process that comes next.
func TestNothingIsWrittenBehindClose(t *testing.T) {
	dir := t.TempDir()
	p := startProxy(t, dir, "a:1", "b:1")
	p.must(p.keeper.Ask("p", "a:1", pool.Wish{State: pool.Drain}))
	text, _ := os.ReadFile(filepath.Join(dir, fileName))
	p.keeper.Close()
	p.must(p.keeper.Ask("p", "b:1", pool.Wish{State: pool.Drain}))
	after, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil || !bytes.Equal(after, text) || p.state("b:1") != "drain" {
		t.Errorf("the file says %s, b is %s; want the change obeyed and not written", after, p.state("b:1"))
	}
}

// pass lets d go by on the clock of a bubble, and what is due then happen.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestStatesEndByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startProxy(t, "", "a:1", "b:1")
		p.must(p.keeper.Ask("p", "a:1", pool.Wish{State: pool.Drain, Until: time.Now().Add(90 * time.Second)}))
		p.must(p.keeper.Ask("p", "b:1", pool.Wish{State: pool.Drain, Until: time.Now().Add(time.Hour)}))
		pass(89 * time.Second)
		if p.state("a:1") != "drain" {
			t.Error("a is enabled before its time")
		}
		pass(2 * time.Second)
		if p.state("a:1") != "enabled" || p.state("b:1") != "drain" || len(p.keeper.List()) != 1 {
			t.Errorf("a is %s, b is %s, %+v; want the drain of a to be over alone", p.state("a:1"), p.state("b:1"), p.keeper.List())
		}
		if !strings.Contains(p.log.String(), `"backend":"a:1","message":"the time is over`) {
			t.Errorf("the log does not say so: %s", p.log.String())
		}
	})
}

// TestWhatNobodyNamesIsForgotten, but not while a change on trial may still bring it back.
func TestWhatNobodyNamesIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startProxy(t, "", "a:1", "b:1", "c:1")
		p.must(p.keeper.Ask("p", "b:1", pool.Wish{State: pool.Drain}))
		p.must(p.keeper.Remove("p", "c:1", ""))
		p.reload("a:1")
		pass(59 * time.Minute)
		if all := p.keeper.List(); len(all) != 2 || all[0].MissingSince == nil {
			t.Errorf("after 59 minutes: %+v; want both, and since when they are missing", all)
		}
		p.reload("a:1", "b:1")
		if p.state("b:1") != "drain" {
			t.Error("b came back, and is not drained")
		}
		pass(5 * time.Minute)
		all := p.keeper.List()
		if len(all) != 1 || all[0].Address != "b:1" || all[0].MissingSince != nil {
			t.Errorf("got %+v; want b alone, which is named again", all)
		}
		p.reload("a:1", "b:1", "c:1")
		if p.state("c:1") != "enabled" {
			t.Errorf("c is %s; want it back, as its removal is forgotten", p.state("c:1"))
		}
	})
}

func TestClear(t *testing.T) {
	p := startProxy(t, "", "a:1", "b:1", "c:1")
	p.must(p.keeper.Ask("p", "a:1", pool.Wish{State: pool.Disabled}))
	p.must(p.keeper.Remove("p", "b:1", ""))
	p.must(p.keeper.Add("p", config.Backend{Address: "d:1", Weight: 1}, ""))
	if was, ok, err := p.keeper.Clear("p", "a:1", ""); !ok || err != nil || was.State != pool.Disabled || p.state("a:1") != "enabled" {
		t.Errorf("cleared %+v, %v, %v, a is %s", was, ok, err, p.state("a:1"))
	}
	if _, ok, err := p.keeper.Clear("p", "a:1", ""); ok || err != nil {
		t.Errorf("cleared again: %v, %v; want nothing to clear", ok, err)
	}
	all, err := p.keeper.ClearAll("")
	if len(all) != 2 || err != nil || p.state("b:1") != "enabled" || p.state("d:1") != "none" || len(p.keeper.List()) != 0 {
		t.Errorf("cleared %+v, %v: b is %s, d is %s", all, err, p.state("b:1"), p.state("d:1"))
	}
}

// TestOddFilesAreNotObeyed: what cannot be read is put aside, and what cannot be meant is left out.
func TestOddFilesAreNotObeyed(t *testing.T) {
	for name, tc := range map[string]struct {
		text  string
		want  int // overrides
		aside bool
	}{
		"cut":     {`{"version":1,"overrides":[{"pool":"p"`, 0, true},
		"later":   {`{"version":2,"overrides":[{"pool":"p","address":"a:1","state":"drain"}]}`, 0, true},
		"state":   {`{"version":1,"overrides":[{"pool":"p","address":"a:1","state":"gone"},{"pool":"p","address":"b:1","state":"drain"}]}`, 1, false},
		"weight":  {`{"version":1,"overrides":[{"pool":"p","address":"a:1","weight":-1}]}`, 0, false},
		"nothing": {`{"version":1,"overrides":[]}`, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, fileName), []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			p := startProxy(t, dir, "a:1", "b:1")
			if got := len(p.keeper.List()); got != tc.want {
				t.Errorf("%d overrides; want %d", got, tc.want)
			}
			_, err := os.Stat(filepath.Join(dir, fileName+".unreadable"))
			if (err == nil) != tc.aside {
				t.Errorf("put aside: %v; want %v", err == nil, tc.aside)
			}
		})
	}
}

// TestDiskThatTakesNothing: the change holds, and it is known that a restart forgets it.
func TestDiskThatTakesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	p := startProxy(t, dir, "a:1", "b:1")
	p.must(p.keeper.Ask("p", "a:1", pool.Wish{State: pool.Drain}))
	if p.state("a:1") != "drain" || p.keeper.Trouble() == nil || !strings.Contains(p.log.String(), "the disk does not say so") {
		t.Errorf("a is %s, trouble %v, log %s", p.state("a:1"), p.keeper.Trouble(), p.log.String())
	}
	p.must(os.Mkdir(dir, 0o700))
	p.must(p.keeper.Ask("p", "b:1", pool.Wish{Weight: new(2)}))
	if err := p.keeper.Trouble(); err != nil {
		t.Errorf("the disk has it now, and trouble is %v", err)
	}
}

// TestInto: the document says what was asked for as far as it can.
func TestInto(t *testing.T) {
	doc, err := config.ParseDocument([]byte(`pools:
  p: {algorithm: p2c, backends: [{address: "a:1", zone: x}, {address: "b:1", weight: 2}, {address: "c:1"}]}
  q: {discovery: {dns: {name: x.test}}, backends: [{address: "l:1"}]}
`), "yaml", "")
	if err != nil {
		t.Fatal(err)
	}
	all := []pool.Override{
		{Pool: "gone", Address: "a:1", Removed: true},
		{Pool: "p", Address: "a:1", State: pool.Drain, Weight: new(5)},
		{Pool: "p", Address: "b:1", Removed: true},
		{Pool: "p", Address: "c:1", Added: &pool.Addition{Weight: 1, Zone: "y"}},
		{Pool: "p", Address: "d:1", Added: &pool.Addition{Weight: 0, Backup: true, MaxRequests: 7}, Weight: new(4)},
		{Pool: "p", Address: "e:1", Removed: true},
		{Pool: "q", Address: "10.0.0.1:80", Removed: true},
	}
	next, written, left, err := Into(doc, all)
	if err != nil {
		t.Fatal(err)
	}
	part, _ := next.At("pools", "p")
	text, err := part.Encode("json", false)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"algorithm":"p2c"`,
		`{"address":"a:1","weight":5,"zone":"x"}`,
		`{"address":"c:1","zone":"y"}`,
		`{"address":"d:1","weight":4,"backup":true,"max_requests":7}`,
	} {
		if !strings.Contains(compact(string(text)), want) {
			t.Errorf("%s does not hold %s", text, want)
		}
	}
	if strings.Contains(string(text), "b:1") {
		t.Errorf("b is still there: %s", text)
	}
	if same, _ := next.At("pools", "q"); !reflect.DeepEqual(names(written), []string{"p/a:1", "p/b:1", "p/c:1", "p/d:1", "p/e:1"}) || same == nil {
		t.Errorf("written: %v", names(written))
	}
	var why []string
	for _, l := range left {
		why = append(why, l.Pool+"/"+l.Address+" "+l.Why)
	}
	if want := []string{"gone/a:1 " + leftPool, "p/a:1 " + leftState, "q/10.0.0.1:80 " + leftDiscovered}; !reflect.DeepEqual(why, want) {
		t.Errorf("left: %v; want %v", why, want)
	}
	if written[0].State != "" || *written[0].Weight != 5 {
		t.Errorf("written of a: %+v; want its weight alone", written[0])
	}
}

func compact(text string) string { return strings.NewReplacer(" ", "", "\n", "").Replace(text) }

func names(all []pool.Override) (list []string) {
	for _, v := range all {
		list = append(list, v.Pool+"/"+v.Address)
	}
	return list
}

// TestWrittenForgetsWhatTheFileSays, and not what was asked for meanwhile.
func TestWrittenForgetsWhatTheFileSays(t *testing.T) {
	p := startProxy(t, "", "a:1", "b:1")
	p.must(p.keeper.Ask("p", "a:1", pool.Wish{State: pool.Drain, Weight: new(5)}))
	p.must(p.keeper.Add("p", config.Backend{Address: "c:1", Weight: 2}, ""))
	said := p.keeper.List()
	said[0].State = ""
	p.must(p.keeper.Ask("p", "a:1", pool.Wish{Weight: new(6)})) // meanwhile
	p.reload("a:1", "b:1", "c:1")
	p.must(p.keeper.Written(said, ""))
	all := p.keeper.List()
	if len(all) != 1 || all[0].State != pool.Drain || *all[0].Weight != 6 || p.state("c:1") != "enabled" {
		t.Errorf("left %+v, c is %s; want the drain and the later weight of a", all, p.state("c:1"))
	}
}

// TestChangesAreHeldOffWhileAnotherProcessTakesOver: what it is handed is all that there is.
func TestChangesAreHeldOffWhileAnotherProcessTakesOver(t *testing.T) {
	dir := t.TempDir()
	p := startProxy(t, dir, "a:1", "b:1", "c:1")
	p.must(p.keeper.Ask("p", "a:1", pool.Wish{State: pool.Drain}))
	handed := p.keeper.Handover()
	_, _, cleared := p.keeper.Clear("p", "a:1", "")
	_, all := p.keeper.ClearAll("")
	for name, err := range map[string]error{
		"ask": p.keeper.Ask("p", "b:1", pool.Wish{State: pool.Drain}), "remove": p.keeper.Remove("p", "b:1", ""),
		"add": p.keeper.Add("p", config.Backend{Address: "d:1"}, ""), "clear": cleared, "clear all": all,
	} {
		if !errors.Is(err, ErrHeld) {
			t.Errorf("%s: got %v; want %v", name, err, ErrHeld)
		}
	}
	again := pool.NewOverlay()
	Open(Options{Overlay: again, Handed: handed, Logger: zerolog.Nop()})
	if got := again.All(); len(got) != 1 || got[0].State != pool.Drain {
		t.Errorf("the next process has %+v", got)
	}
	p.keeper.Resume()
	p.must(p.keeper.Ask("p", "b:1", pool.Wish{State: pool.Drain}))
	if kept, err := read(dir); err != nil || len(kept) != 2 {
		t.Errorf("the disk has %+v, %v; want both", kept, err)
	}
}
