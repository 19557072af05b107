package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// lasting is a configuration that answers a status, and keeps over a restart what is
// applied over the API.
func lasting(dir string, status int) string {
	return strings.Replace(responding(status), `admin: {address: "127.0.0.1:0"}`,
		fmt.Sprintf("admin: {address: \"127.0.0.1:0\", persist: state}\nstate: {dir: %q}", dir), 1)
}

// put sends a configuration, with further fields.
func (p *proxy) put(query, text string, fields ...string) answer {
	p.t.Helper()
	fields = append(fields, "Content-Type", "application/yaml")
	return exchange(p.t, request(p.t, http.MethodPut, "http://"+p.admin+"/api/v1/config"+query, text, fields...))
}

func (p *proxy) configTag() string {
	p.t.Helper()
	return get(p.t, "http://"+p.admin+"/api/v1/config").wantStatus(p.t, 200).header.Get("ETag")
}

func TestConfigurationOverTheAPI(t *testing.T) {
	t.Parallel()
	p := start(t, responding(201))
	first := p.configTag()
	p.put("", responding(202)).wantStatus(t, 428)
	p.put("?dryrun=1", responding(202), "If-Match", first).wantStatus(t, 400)
	get(t, p.url("/")).wantStatus(t, 201)
	p.put("", responding(202), "If-Match", first).wantStatus(t, 200)
	get(t, p.url("/")).wantStatus(t, 202)
	p.put("", responding(203), "If-Match", first).wantStatus(t, 412)
	a := p.put("", "routes: {}\n", "If-Match", "*").wantStatus(t, 422)
	if !strings.Contains(string(a.body), "listeners") {
		t.Errorf("got %s; want every problem", a.body)
	}
	get(t, p.url("/")).wantStatus(t, 202)
	p.eventuallyCounts(2, "isame_config_generation")
	p.eventuallyCounts(1, "isame_config_drift")

	before := p.reloads("applied") // SIGHUP, as a hook of certificates sends it
	p.signal(syscall.SIGHUP)
	eventually(t, "SIGHUP is heard", func() string {
		if p.reloads("applied") > before {
			return ""
		}
		return "not counted"
	})
	get(t, p.url("/")).wantStatus(t, 202)
	p.eventuallyCounts(2, "isame_config_generation")

	p.put("?confirm=5s", responding(204), "If-Match", p.configTag()).wantStatus(t, 200)
	get(t, p.url("/")).wantStatus(t, 204)
	p.put("", responding(205), "If-Match", p.configTag()).wantStatus(t, 409)
	eventually(t, "it is rolled back by itself", func() string {
		if got := get(t, p.url("/")).status; got != 202 {
			return strconv.Itoa(got)
		}
		return ""
	})
	p.reload(responding(206), "applied") // a file with another content
	get(t, p.url("/")).wantStatus(t, 206)
	p.eventuallyCounts(0, "isame_config_drift")
}

// TestAppliedConfigurationOutlivesARestart kills the process with SIGKILL while
// configurations are applied one after the other: the next one goes on with the last
// that was answered, or with the one that was under way.
func TestAppliedConfigurationOutlivesARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const first, last = 201, 240
	p := start(t, lasting(dir, first))
	file := p.file
	for round := range 3 {
		answered := make(chan int, last)
		go func() { // until the process is gone
			defer close(answered)
			for status := first + 1; status <= last; status++ {
				r, err := http.NewRequest(http.MethodPut, "http://"+p.admin+"/api/v1/config", strings.NewReader(lasting(dir, status)))
				if err != nil {
					return
				}
				r.Header.Set("If-Match", "*")
				r.Header.Set("Content-Type", "application/yaml")
				a, err := tryExchange(http.DefaultClient, r)
				if err != nil || a.status != 200 {
					return
				}
				answered <- status
			}
		}()
		done := first
		for range 3 + 2*round {
			if status, ok := <-answered; ok {
				done = status
			}
		}
		p.signal(syscall.SIGKILL)
		within(t, "the process ends", p.exited)
		for status := range answered {
			done = status
		}
		p = launch(t, file)
		p.waitReady()
		if got := get(t, p.url("/")).status; got != done && got != done+1 {
			t.Errorf("round %d: got %d after SIGKILL; want %d, which was answered, or the next one", round, got, done)
		}
		var list []struct {
			Trigger string `json:"trigger"`
		}
		p.api("/api/v1/config/history", &list)
		if len(list) < 3 || list[0].Trigger != "start" {
			t.Errorf("got %+v; want the history of before", list)
		}
	}
	replaceFile(t, file, lasting(dir, 250)) // the file counts where it says something else
	p.end()
	p = launch(t, file)
	p.waitReady()
	get(t, p.url("/")).wantStatus(t, 250)
}

func TestCtlChangesTheConfiguration(t *testing.T) {
	p := start(t, responding(201))
	next := writeConfig(t, strings.Replace(responding(202), "log: {format: json}", "log: {format: json} # kept", 1))
	run := func(want int, args ...string) string {
		t.Helper()
		code, out := ctl(t, p.admin, append([]string{"config"}, args...)...)
		if code != want {
			t.Fatalf("%v: got exit %d; want %d\n%s", args, code, want, out)
		}
		return out
	}
	if out := run(1, "diff", next); !strings.Contains(out, "- 201") || !strings.Contains(out, "+ 202") {
		t.Errorf("diff: got %s; want both values", out)
	}
	if out := run(1, "plan", next); !strings.Contains(out, "routes changed: all") {
		t.Errorf("plan: got %s; want the route", out)
	}
	run(0, "apply", "--dry-run", next)
	get(t, p.url("/")).wantStatus(t, 201)
	if out := run(0, "apply", "--confirm", "60s", "-m", "more", next); !strings.Contains(out, "isame-ctl config confirm 2") {
		t.Errorf("apply: got %s; want how to confirm", out)
	}
	run(0, "confirm")
	get(t, p.url("/")).wantStatus(t, 202)
	if out := run(0, "history"); !strings.Contains(out, "more") || !strings.Contains(out, "applied") {
		t.Errorf("history: got %s", out)
	}
	if out := run(0, "why", "routes.all.respond.status"); !strings.Contains(out, "202") || !strings.Contains(out, "request:") {
		t.Errorf("why: got %s", out)
	}
	run(0, "rollback")
	get(t, p.url("/")).wantStatus(t, 201)
	run(1, "rollback", "99")
	run(2, "rollback", "none")
	shown := writeConfig(t, run(0, "show"))
	if out := run(0, "apply", shown); !strings.Contains(out, "unchanged") {
		t.Errorf("apply of what is shown: got %s; want nothing to do", out)
	}
	if out := run(0, "show", "--effective", "-o", "json"); !json.Valid([]byte(out)) || !strings.Contains(out, "round_robin") && !strings.Contains(out, `"drain"`) {
		t.Errorf("show --effective: got %s; want defaults", out)
	}
	if text, err := os.ReadFile(p.file); err != nil || string(text) != responding(201) {
		t.Errorf("got %s, %v; want the file as it was", text, err)
	}
}
