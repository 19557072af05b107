package source

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/isame-lb/isame-lb/config"
)

func TestDocumentIsFollowed(t *testing.T) {
	s := startEtcd(t)
	s.put(key, "one")
	m := join(t, s, nil)
	if string(m.Current().Text) != "one" || m.Pending() != nil {
		t.Fatalf("got %+v and %+v; want the first document, and nothing new", m.Current(), m.Pending())
	}
	s.put(key, "two")
	m.runs("two")
	at := s.put(key, "three")
	m.runs("three")
	if got := m.State(); got.Revision != at || got.Latest != at || !got.Connected || got.Cached || got.Problem != "" {
		t.Errorf("got %+v; want revision %d, connected", got, at)
	}
	if !slices.Equal(m.took, []string{"two", "three"}) {
		t.Errorf("took %q; want each once, and not the first again", m.took)
	}
}

// TestRefusedDocumentStaysRefused until it changes, or somebody asks.
func TestRefusedDocumentStaysRefused(t *testing.T) {
	s := startEtcd(t)
	s.put(key, "one")
	m := join(t, s, nil)
	at := s.put(key, "bad")
	eventually(t, "it is refused", func() bool { m.take(); return m.State().Refused != nil })
	if r := m.State().Refused; r.Revision != at || r.Reason != "it is bad" || string(m.Current().Text) != "one" {
		t.Errorf("got %+v; want revision %d refused, and the first running", m.State(), at)
	}
	eventually(t, "the others are told", func() bool { return strings.Contains(s.get(key+"/instances/a"), `"reason":"it is bad"`) })
	s.kill()
	eventually(t, "it is gone", func() bool { return !m.State().Connected })
	if !s.start() {
		t.Fatal("etcd does not start again")
	}
	eventually(t, "it is back", func() bool { return m.State().Connected })
	if d := m.Pending(); d != nil {
		t.Errorf("%q is offered again", d.Text)
	}
	m.Retry()
	if m.Pending() == nil {
		t.Error("it is not offered to who asks for it")
	}
	s.put(key, "two")
	m.runs("two")
	if m.State().Refused != nil {
		t.Errorf("got %+v; want it forgotten", m.State().Refused)
	}
}

// TestServersComeAndGo: killed, frozen, compacted and without the key, and what runs goes on.
func TestServersComeAndGo(t *testing.T) {
	s := startEtcd(t)
	s.put(key, "one")
	m := join(t, s, nil)
	eventually(t, "it is connected", func() bool { return m.State().Connected })

	s.signal(syscall.SIGSTOP)
	eventually(t, "a frozen server is noticed", func() bool { return !m.State().Connected })
	if err := m.Put([]byte("x"), Signature{}, false); err == nil || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("got %v; want a change refused at once", err)
	}
	s.signal(syscall.SIGCONT)
	eventually(t, "it is back", func() bool { return m.State().Connected })
	s.put(key, "two")
	m.runs("two")

	s.kill()
	eventually(t, "it is gone", func() bool { return !m.State().Connected })
	if !s.start() {
		t.Fatal("etcd does not start again")
	}
	var last int64
	for i := range 20 { // the watch of before would begin at what is dropped
		last = s.put("/other", strings.Repeat("x", i))
	}
	at := s.put(key, "three")
	if _, err := s.client.Compact(t.Context(), at, clientv3.WithCompactPhysical()); err != nil {
		t.Fatal(err, last)
	}
	m.runs("three")

	if _, err := s.client.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the key is missed", func() bool { return m.State().Problem == ErrAbsent.Error() })
	if string(m.Current().Text) != "three" {
		t.Error("what runs has gone with the key")
	}
	s.put(key, "four")
	m.runs("four")
	if !slices.Equal(m.took, []string{"two", "three", "four"}) {
		t.Errorf("took %q; want each once", m.took)
	}
}

// TestClusterThatWasRestored to an older state: its revisions begin anew, where a watch
// would wait for those of before.
func TestClusterThatWasRestored(t *testing.T) {
	s := startEtcd(t)
	for range 10 {
		s.put("/other", "x")
	}
	s.put(key, "one")
	m := join(t, s, nil)
	s.kill()
	if err := os.RemoveAll(s.dir + "/data"); err != nil {
		t.Fatal(err)
	}
	if !s.start() {
		t.Fatal("etcd does not start again")
	}
	s.put(key, "older")
	m.runs("older")
}

// TestSilentFromTheBegin: a server that freezes once it was read, before the watch has begun.
func TestSilentFromTheBegin(t *testing.T) {
	s := startEtcd(t)
	s.put(key, "one")
	m := newMember(t, s, nil)
	c, err := connect(m.opts.Etcd, &m.opts.pace)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_, at, err := m.read(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	s.signal(syscall.SIGSTOP)
	t.Cleanup(func() { s.signal(syscall.SIGCONT) })
	ctx, cancel := context.WithCancel(t.Context())
	changes := watch(ctx, c, m.opts.Etcd.Key, clientv3.WithRev(at+1)) // comes back all the same
	if err := m.look(ctx, c); err == nil {
		t.Error("a look at a frozen server has found something")
	}
	cancel()
	for range changes { // it ends
		t.Error("a frozen server has told something")
	}
}

func TestCopyOnTheDisk(t *testing.T) {
	s := startEtcd(t)
	at := s.put(key, "one")
	m := join(t, s, nil)
	file := m.opts.CopyFile
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("got %v, %v; want a copy for this user alone", info, err)
	}
	s.kill()
	later := newMember(t, s, func(o *Options) { o.CopyFile = file })
	if _, err := later.Read(t.Context()); err == nil {
		t.Fatal("read from an etcd that is not there")
	}
	d, _, err := later.Copy()
	if err != nil || string(d.Text) != "one" || d.Revision != at {
		t.Fatalf("got %+v, %v; want the document", d, err)
	}
	later.Taken(d)
	later.begin()
	if got := later.State(); !got.Cached || got.Connected {
		t.Errorf("got %+v; want it said that it is the copy", got)
	}
	if !s.start() {
		t.Fatal("etcd does not start again")
	}
	eventually(t, "it is seen in etcd", func() bool { later.take(); return !later.State().Cached })
	if len(later.took) != 0 {
		t.Errorf("took %q again", later.took)
	}
	s.put(key, "two")
	later.runs("two")

	for name, c := range map[string]struct{ text, want string }{
		"nothing":     {"", "cannot read"},
		"another key": {`{"version":1,"key":"/x","document":"a"}`, "is of key /x"},
		"later":       {`{"version":9,"key":"/isame/config","document":"a"}`, "a later isame-lb"},
	} {
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := newMember(t, s, func(o *Options) { o.CopyFile = file }).Copy(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v; want %q", name, err, c.want)
		}
	}
	for _, file := range []string{file + ".none", ""} {
		if _, _, err := newMember(t, s, func(o *Options) { o.CopyFile = file }).Copy(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: got %v; want that there is none", file, err)
		}
	}
}

func TestCompareAndPut(t *testing.T) {
	s := startEtcd(t)
	s.put(key, "one")
	a := join(t, s, nil)
	b := join(t, s, func(o *Options) { o.Instance = "b"; o.Running = func() Running { return Running{Boot: "boot-of-b"} } })
	for _, m := range []*member{a, b} {
		eventually(t, "it is connected", func() bool { return m.Ready(false) == nil })
	}
	if err := a.Put([]byte("two"), Signature{Author: "alice", Message: "why"}, false); err != nil {
		t.Fatal(err)
	}
	if string(a.Current().Text) != "two" || a.Pending() != nil {
		t.Error("who has put it does not run it, or is offered it")
	}
	if err := b.Put([]byte("lost"), Signature{}, false); !errors.Is(err, ErrStale) {
		t.Fatalf("got %v; want the race lost", err)
	}
	b.runs("two")
	if by := b.Current().By; by != (Signature{Author: "alice", Instance: "a", Message: "why"}) {
		t.Errorf("got %+v; want who has put it", by)
	}
	s.put(key, "three") // by hand: nobody is known to have done so
	a.runs("three")
	if by := a.Current().By; by != (Signature{}) {
		t.Errorf("got %+v; want nobody", by)
	}
	s.put(key, "bad")
	eventually(t, "it is refused", func() bool { a.take(); return a.State().Refused != nil })
	if err := a.Ready(false); !errors.Is(err, ErrStale) {
		t.Errorf("got %v; want what was refused here not to be overwritten unasked", err)
	}
	if err := a.Put([]byte("four"), Signature{}, true); err != nil {
		t.Errorf("got %v; want it overwritten", err)
	}
	if _, err := s.client.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the key is missed", func() bool { return a.Astray() })
	if err := a.Put([]byte("five"), Signature{}, true); err != nil || s.get(key) != "five" {
		t.Errorf("got %v and %q; want it put anew", err, s.get(key))
	}
	if !slices.Equal(a.took, []string{"three"}) {
		t.Errorf("took %q; want nothing of what it has put itself", a.took)
	}
}

func TestInstancesReportThemselves(t *testing.T) {
	s := startEtcd(t)
	at := s.put(key, "one")
	m := join(t, s, nil)
	var r Report
	eventually(t, "it reports", func() bool { return json.Unmarshal([]byte(s.get(key+"/instances/a")), &r) == nil })
	if r.Instance != "a" || r.Boot != "boot-of-a" || r.Generation != 3 || r.ETag != "tag" || r.Revision != at || r.Version != "v1" || r.At == "" {
		t.Errorf("got %+v", r)
	}
	other := join(t, s, func(o *Options) { o.Running = func() Running { return Running{Boot: "another"} } })
	eventually(t, "two with one name are noticed", func() bool { return other.State().SameName != "" })
	if !strings.Contains(other.log.String(), "another instance has the same name") {
		t.Errorf("the log does not say so: %s", other.log)
	}
	eventually(t, "the first one is still there", func() bool { return strings.Contains(s.get(key+"/instances/a"), "boot-of-a") })
	m.end()
	eventually(t, "the other one takes its place", func() bool {
		return strings.Contains(s.get(key+"/instances/a"), "another") && other.State().SameName == ""
	})
	other.end()
	if got := s.get(key + "/instances/a"); got != "" {
		t.Errorf("got %s; want no report of who has left", got)
	}
}

// TestLogin also shows that a start with a wrong password is refused in time.
func TestLogin(t *testing.T) {
	s := startEtcd(t)
	s.put(key, "one")
	ctx := t.Context()
	for _, step := range []func() error{
		func() error { _, err := s.client.UserAdd(ctx, "root", "r"); return err },
		func() error { _, err := s.client.UserGrantRole(ctx, "root", "root"); return err },
		func() error { _, err := s.client.AuthEnable(ctx); return err },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	with := func(password config.Secret) func(o *Options) {
		return func(o *Options) { o.Etcd.User, o.Etcd.Password = "root", password }
	}
	began := time.Now()
	if _, err := newMember(t, s, with("x")).Read(ctx); err == nil || time.Since(began) > patience/2 {
		t.Errorf("got %v after %v; want it refused", err, time.Since(began))
	}
	m := join(t, s, with("r"))
	eventually(t, "it is connected", func() bool { return m.Ready(false) == nil })
	if err := m.Put([]byte("two"), Signature{}, false); err != nil {
		t.Error(err)
	}
}
