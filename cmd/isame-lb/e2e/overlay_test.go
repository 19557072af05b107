package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// overlaid is a configuration of a pool p, with comments, and a folder for what lasts.
func overlaid(dir string, weight int, backends ...*backend) string {
	var list strings.Builder
	for _, b := range backends {
		fmt.Fprintf(&list, "      - {address: %q, weight: %d} # %s\n", b.address, weight, b.address)
	}
	return header + fmt.Sprintf("state: {dir: %q}\n", dir) +
		"routes: {all: {pool: p}}\npools:\n  p: # the pool\n    backends:\n" + list.String()
}

// shares counts who answers n requests, one after the other.
func (p *proxy) shares(n int) map[string]int {
	p.t.Helper()
	got := map[string]int{}
	for range n {
		got[get(p.t, p.url("/")).wantStatus(p.t, 200).header.Get("X-Backend")]++
	}
	return got
}

// send asks the admin endpoint for a change.
func (p *proxy) send(method, path, body string, fields ...string) answer {
	p.t.Helper()
	if body != "" {
		fields = append(fields, "Content-Type", "application/json")
	}
	return exchange(p.t, request(p.t, method, "http://"+p.admin+path, body, fields...))
}

// overlayEntry is what the test reads of an override.
type overlayEntry struct {
	Address string `json:"address"`
	State   string `json:"state"`
	Weight  *int   `json:"weight"`
	Removed bool   `json:"removed"`
	Added   any    `json:"added"`
	Until   string `json:"until"`
	Author  string `json:"author"`
}

// TestOverlayOutlivesReloadAndRestart changes backends in every way there is, and then
// everything below: by a reload, by a change over the API, by its rollback, by SIGKILL.
func TestOverlayOutlivesReloadAndRestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	all := newBackends(t, 5) // drained, removed, weighed, added, disabled for a time
	listed := []*backend{all[0], all[1], all[2], all[4]}
	p := start(t, overlaid(dir, 1, listed...))
	at := func(b *backend) string { return "/api/v1/pools/p/backends/" + b.address }
	p.send(http.MethodPatch, at(all[0]), `{"state":"drain","for":"2h"}`).wantStatus(t, 200)
	p.send(http.MethodDelete, at(all[1]), "").wantStatus(t, 200)
	p.send(http.MethodPatch, at(all[2]), `{"weight":3}`).wantStatus(t, 200)
	p.send(http.MethodPost, "/api/v1/pools/p/backends", `{"address":"`+all[3].address+`","weight":1,"max_requests":9}`).wantStatus(t, 200)
	p.send(http.MethodPatch, at(all[4]), `{"state":"disabled"}`).wantStatus(t, 200)

	holds := func(when string) {
		t.Helper()
		if got := p.shares(8); got[all[2].address] != 6 || got[all[3].address] != 2 {
			t.Errorf("%s: got %v; want 6 and 2 of 8 for the third and the fourth", when, got)
		}
		var list []overlayEntry
		p.api("/api/v1/overlay", &list)
		if len(list) != 5 {
			t.Errorf("%s: got %+v; want five backends", when, list)
		}
	}
	holds("at once")
	p.reload(overlaid(dir, 2, listed...), "applied")
	holds("after a reload that changes every weight")
	if p.log.find("the backend has another weight in the configuration", "backend", all[2].address) == nil {
		t.Error("the log does not say that a weight has no effect")
	}
	p.put("?confirm=1h", overlaid(dir, 7, listed...), "If-Match", p.configTag()).wantStatus(t, 200)
	holds("on trial")
	p.send(http.MethodPost, "/api/v1/config/rollback", `{}`).wantStatus(t, 200)
	holds("after the rollback")
	file := p.file
	p.signal(syscall.SIGKILL)
	within(t, "the process ends", p.exited)
	p = launch(t, file)
	p.waitReady()
	holds("after SIGKILL and a restart")

	if code, out := ctl(t, p.admin, "status"); code != 0 || !strings.Contains(out, "5 backends were changed at run time") {
		t.Errorf("isame-ctl status: exit %d, %s", code, out)
	}
	if code, out := ctl(t, p.admin, "overlay", "list"); code != 0 || !strings.Contains(out, "in 1") || !strings.Contains(out, "removed") || !strings.Contains(out, "weight 3") {
		t.Errorf("isame-ctl overlay list: exit %d, %s", code, out)
	}
	if code, out := ctl(t, p.admin, "overlay", "clear", all[2].address); code != 0 || !strings.Contains(out, "weight 3") {
		t.Errorf("isame-ctl overlay clear: exit %d, %s", code, out)
	}
	if got := p.shares(6); got[all[2].address] != 4 || got[all[3].address] != 2 {
		t.Errorf("cleared: got %v; want 4 and 2 of 6, as the file gives weight 2", got)
	}
	p.send(http.MethodDelete, "/api/v1/overlay/p/"+all[2].address, "").wantStatus(t, 404)
	p.send(http.MethodDelete, "/api/v1/overlay/p/"+all[2].address, "", "If-Match", "*").wantStatus(t, 204)
	if code, out := ctl(t, p.admin, "overlay", "clear", "--everything"); code != 0 || strings.Count(out, "cleared") != 4 {
		t.Errorf("isame-ctl overlay clear --everything: exit %d, %s", code, out)
	}
	if got := p.shares(8); len(got) != 4 || got[all[3].address] != 0 {
		t.Errorf("all cleared: got %v; want the four of the file", got)
	}
}

// TestDrainEndsByItself: a forgotten one does no harm.
func TestDrainEndsByItself(t *testing.T) {
	t.Parallel()
	all := newBackends(t, 2)
	p := start(t, toPool(all...))
	if code, out := ctl(t, p.admin, "backends", "drain", all[0].address, "--for", "2s"); code != 0 || !strings.Contains(out, "DRAIN") {
		t.Fatalf("exit %d, %s", code, out)
	}
	if got := p.shares(4); got[all[1].address] != 4 {
		t.Errorf("drained: got %v", got)
	}
	eventually(t, "the drain is over", func() string {
		if got := p.shares(2); got[all[0].address] != 1 {
			return fmt.Sprint(got)
		}
		return ""
	})
	for body, want := range map[string]int{
		`{"state":"drain","for":"0s"}`: 422, `{"state":"drain","for":"soon"}`: 422, `{"state":"enabled","for":"1h"}`: 422,
		`{"weight":1,"for":"1h"}`: 422, `{"state":"drain","for":721}`: 422, `{"state":"drain","for":"721h"}`: 422,
	} {
		p.send(http.MethodPatch, "/api/v1/pools/p/backends/"+all[0].address, body).wantStatus(t, want)
	}
	if code, _ := ctl(t, p.admin, "backends", "drain", all[0].address, "--for", "1ns"); code != 2 {
		t.Errorf("--for 1ns: exit %d; want 2", code)
	}
}

// TestOverlayIsWrittenIntoTheFile, whose comments stay, and then is not in the way any more.
func TestOverlayIsWrittenIntoTheFile(t *testing.T) {
	all := newBackends(t, 4)
	p := start(t, overlaid(filepath.Join(t.TempDir(), "state"), 1, all[:3]...))
	p.send(http.MethodPost, "/api/v1/overlay/write", `{}`).wantStatus(t, 409) // nothing to write
	at := "/api/v1/pools/p/backends/"
	p.send(http.MethodPatch, at+all[0].address, `{"weight":5,"state":"drain"}`).wantStatus(t, 200)
	p.send(http.MethodDelete, at+all[1].address, "").wantStatus(t, 200)
	p.send(http.MethodPost, "/api/v1/pools/p/backends", `{"address":"`+all[3].address+`"}`).wantStatus(t, 200)
	a := p.send(http.MethodPost, "/api/v1/overlay/write?message=for+good", `{}`).wantStatus(t, 200)
	var done struct {
		Generation uint64         `json:"generation"`
		Written    []overlayEntry `json:"written"`
		Left       []overlayEntry `json:"left"`
	}
	if err := json.Unmarshal(a.body, &done); err != nil || len(done.Written) != 3 || len(done.Left) != 1 || done.Left[0].Address != all[0].address {
		t.Errorf("got %s, %v; want three written, and the drain left", a.body, err)
	}
	text, err := os.ReadFile(p.file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# the pool", "weight: 5} # " + all[0].address, all[3].address} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the file does not hold %q:\n%s", want, text)
		}
	}
	if strings.Contains(string(text), `"`+all[1].address) {
		t.Errorf("the file still lists what was removed:\n%s", text)
	}
	var list []overlayEntry
	p.api("/api/v1/overlay", &list)
	if len(list) != 1 || list[0].State != "drain" || list[0].Weight != nil {
		t.Errorf("got %+v; want the drain alone", list)
	}
	p.send(http.MethodPatch, at+all[0].address, `{"state":"enabled"}`).wantStatus(t, 200)
	p.api("/api/v1/overlay", &list)
	if len(list) != 0 {
		t.Errorf("got %+v; want nothing", list)
	}
	if got := p.shares(14); got[all[0].address] != 10 || got[all[2].address] != 2 || got[all[3].address] != 2 {
		t.Errorf("got %v; want 10, 2 and 2 of 14, as the file says", got)
	}
	p.eventuallyCounts(0, "isame_config_drift")

	p.put("", overlaid("", 1, all[:2]...), "If-Match", p.configTag())
	p.send(http.MethodPatch, at+all[0].address, `{"weight":2}`).wantStatus(t, 200)
	if a := p.send(http.MethodPost, "/api/v1/overlay/write", `{}`).wantStatus(t, 409); !strings.Contains(string(a.body), "not_writable") {
		t.Errorf("what runs is not what the file says: got %s", a.body)
	}
}

// TestOverlayIsHandedOverAtAnUpgrade, also where nothing is kept on the disk; and an upgrade
// that fails takes nothing away, nor the changes that come behind it.
func TestOverlayIsHandedOverAtAnUpgrade(t *testing.T) {
	all := newBackends(t, 3)
	l := newLineage(t, "routes: {all: {pool: p}}\npools: {p: {backends: "+members(all[:2]...)+"}}\n")
	pid := l.serving(1)
	run := func(want int, args ...string) string {
		t.Helper()
		code, out := ctlAt(t, l.admin, args...)
		if code != want {
			t.Fatalf("isame-ctl %v: got exit %d, %s; want %d", args, code, out, want)
		}
		return out
	}
	run(0, "backends", "drain", all[0].address, "--for", "1h")
	run(0, "backends", "add", all[2].address, "--pool", "p", "--weight", "3")
	if err := os.Remove(l.program); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.program, []byte("#!/bin/sh\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	run(1, "upgrade")
	run(0, "backends", "weight", all[1].address, "2") // the one that goes on takes changes again
	if err := os.Remove(l.program); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(lbBinary, l.program); err != nil {
		t.Fatal(err)
	}
	run(0, "upgrade")
	l.gone(pid)
	got := map[string]int{}
	for range 10 {
		got[get(t, "http://"+l.address()+"/").wantStatus(t, 200).header.Get("X-Backend")]++
	}
	if got[all[1].address] != 4 || got[all[2].address] != 6 {
		t.Errorf("got %v; want 4 and 6 of 10 for the second and the third", got)
	}
	if out := run(0, "overlay", "list"); strings.Count(out, "\n") < 4 || !strings.Contains(out, "in 59m") {
		t.Errorf("isame-ctl overlay list: %s", out)
	}
}
