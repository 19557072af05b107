package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// buildProgram builds a program that runs isame-lb with something of its own.
func buildProgram(t *testing.T, name string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	args := []string{"build", "-pgo=off", "-o", file}
	if raceEnabled {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, "../../run/testdata/"+name)...).CombinedOutput(); err != nil {
		t.Fatalf("cannot build %s: %v\n%s", name, err, out)
	}
	return file
}

// startProgram is start for such a program.
func startProgram(t *testing.T, binary, configuration string) *proxy {
	t.Helper()
	p := launchProgram(t, binary, writeConfig(t, configuration))
	p.waitReady()
	return p
}

func withAlgorithm(name string, backends []*backend) string {
	var text strings.Builder
	text.WriteString(header + "routes: {all: {pool: p}}\npools: {p: {algorithm: " + name + ", circuit_breaker: {failures: 1, window: 1m, open_for: 1m, max_ejected_percent: 100}, backends: [")
	for _, b := range backends {
		fmt.Fprintf(&text, "{address: %q}, ", b.address)
	}
	return text.String() + "]}}\n"
}

func TestProgramAddsAnAlgorithm(t *testing.T) {
	t.Parallel()
	binary := buildProgram(t, "extended")
	if out, err := exec.Command(binary, "version").Output(); err != nil || !strings.HasPrefix(string(out), "isame-lb v1.2.3-extended ") {
		t.Errorf("version: got %q, %v; want the program's own", out, err)
	}
	release, arrived := make(chan struct{}), make(chan struct{}, 8)
	var b []*backend
	for range 3 {
		one := newBackend(t, nil)
		answers := one.handler
		one.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/hold" {
				arrived <- struct{}{}
				<-release
			}
			answers.ServeHTTP(w, r)
		})
		b = append(b, one)
	}
	p := startProgram(t, binary, withAlgorithm("primary_first", b))
	want := func(i int, n int) {
		t.Helper()
		if got := shares(t, p.url("/"), n); got[b[i].address] != n {
			t.Errorf("got %v; want all %d at backend %d, %s", got, n, i, b[i].address)
		}
	}
	want(0, 20)
	var held []chan struct{}
	for range 2 { // the first one is busy, and the second one helps
		done := make(chan struct{})
		go func() {
			defer close(done)
			if response, err := freshClient().Get(p.url("/hold")); err == nil {
				_ = response.Body.Close()
			}
		}()
		within(t, "a request is held", arrived)
		held = append(held, done)
	}
	want(1, 20)
	close(release)
	for _, done := range held {
		within(t, "a held request ends", done)
	}
	want(0, 20)
	b[0].stop() // a retry goes to the next, and so does everything once its breaker is open
	want(1, 20)

	if code, out := ctl(t, p.admin, "pools"); code != 0 || !strings.Contains(out, "primary_first") {
		t.Errorf("isame-ctl pools: got exit %d; want the name of the algorithm:\n%s", code, out)
	}
	p.reload(withAlgorithm("primary_last", b), "rejected")
	p.reload(withAlgorithm("p2c", b), "applied")
	p.reload(withAlgorithm("primary_first", b), "applied")
	want(1, 20)
}

// isame-lb as it is released does not know the algorithms of other programs.
func TestAlgorithmsOfOtherProgramsAreUnknown(t *testing.T) {
	t.Parallel()
	file := writeConfig(t, header+`
routes: {all: {pool: p}}
pools: {p: {algorithm: primary_first, backends: [{address: "127.0.0.1:1"}]}, q: {algorithm: primary_frist, backends: [{address: "127.0.0.1:1"}]}}
`)
	out, err := exec.Command(lbBinary, "check", "--config", file).CombinedOutput()
	if err == nil || strings.Count(string(out), "is none of round_robin") != 2 || strings.Contains(string(out), "maglev, primary_first") {
		t.Errorf("isame-lb check: got %v\n%s\nwant both names refused", err, out)
	}
	out, err = exec.Command(buildProgram(t, "extended"), "check", "--config", file).CombinedOutput()
	if err == nil || strings.Count(string(out), "\n") != 1 || !strings.Contains(string(out), `pools.q.algorithm: "primary_frist" is none of `) ||
		!strings.Contains(string(out), `did you mean "primary_first"?`) {
		t.Errorf("check of the program that has it: got %v\n%s\nwant the second one refused, and the first one proposed", err, out)
	}
}

// An algorithm that is wrong costs what asks it, and nothing else.
func TestAlgorithmThatIsWrongIsContained(t *testing.T) {
	binary := buildProgram(t, "faulty")
	b := newBackends(t, 2)
	t.Run("panics", func(t *testing.T) {
		p := startProgram(t, binary, withAlgorithm("every_other", b))
		p.meetsBugs = true
		got := map[int]int{}
		for range 20 {
			got[get(t, p.url("/")).status]++
		}
		if got[200] != 10 || got[500] != 10 {
			t.Errorf("got statuses %v; want 10 times 200 and 500", got)
		}
		if n := p.metric("isame_backend_inflight"); n != 0 {
			t.Errorf("got %v attempts in flight; want none", n)
		}
		if p.log.find("a bug was met", "panic", "this algorithm is wrong") == nil {
			t.Error("the log does not say what was wrong")
		}
	})
	t.Run("picks what is not there", func(t *testing.T) {
		p := startProgram(t, binary, withAlgorithm("outside", b))
		p.meetsBugs = true
		if got := shares(t, p.url("/"), 100); got[b[0].address] < 20 || got[b[1].address] < 20 {
			t.Errorf("got %v; want both to be picked by chance", got)
		}
		if p.log.find("a bug was met", "in", "algorithm outside") == nil {
			t.Error("the log does not name the algorithm")
		}
	})
}

// A program's own stage and variable are used like those that every isame-lb has.
func TestProgramAddsAStageAndAVariable(t *testing.T) {
	t.Setenv("REGION", "north")
	binary := buildProgram(t, "extended")
	b := newBackend(t, nil)
	b.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %s", r.Header.Get("X-Region"), body)
	})
	text := func(options string) string {
		return header + `
routes: {all: {pool: p, middleware: [json, tell]}}
pools: {p: {backends: [{address: "` + b.address + `"}]}}
middleware:
  json: {type: only_json, options: ` + options + `}
  tell: {type: headers, request: {set: {X-Region: "{region}"}}}
`
	}
	p := startProgram(t, binary, text(`{say: "send JSON"}`))
	for _, tc := range []struct {
		contentType, want string
		status            int
	}{{"application/json", "north {}", 200}, {"text/xml", "send JSON", 415}} {
		resp, err := freshClient().Post(p.url("/"), tc.contentType, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if string(body) != tc.want || resp.StatusCode != tc.status || (resp.Header.Get("X-Checked") == "json") != (tc.status == 200) {
			t.Errorf("%s: got %d %v %q; want %d %q", tc.contentType, resp.StatusCode, resp.Header, body, tc.status, tc.want)
		}
	}
	p.reload(text(`{}`), "rejected")
	out, err := exec.Command(lbBinary, "check", "--config", writeConfig(t, text(`{say: "x"}`))).CombinedOutput()
	if err == nil || !strings.Contains(string(out), `middleware.json.type: "only_json" is no type of middleware`) || !strings.Contains(string(out), "{region} is no variable") {
		t.Errorf("isame-lb check: got %v\n%s\nwant stage and variable unknown", err, out)
	}
}
