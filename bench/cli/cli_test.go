package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/bench/load"
)

// call runs one command and returns what it wrote.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	code = Run(ctx, Env{Stdout: &out, Stderr: &errs, Version: "v1"}, args)
	return code, out.String(), errs.String()
}

func server(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/missing" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = io.Copy(w, r.Body)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestRunPrintsATable(t *testing.T) {
	code, out, errs := call(t, "run", server(t), "-c", "2", "-n", "20")
	if code != 0 || errs != "" || !strings.Contains(out, "200: 20") {
		t.Errorf("got %d, %q, %q", code, out, errs)
	}
}

func TestRunPrintsJSON(t *testing.T) {
	url := server(t)
	dir := t.TempDir()
	page, log := filepath.Join(dir, "r.html"), filepath.Join(dir, "r.hlog")
	code, out, errs := call(t, "run", url, "-c", "2", "-n", "20", "--json", "--report", page, "--hdr", log, "-X", "PUT", "-b", "x", "-H", "A: b")
	var r load.Result
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 {
		t.Fatalf("got %d, %v, %q, %q", code, err, out, errs)
	}
	if r.Requests != 20 || r.URL != url || r.Answers["200"] != 20 {
		t.Errorf("got %+v", r)
	}
	for _, name := range []string{page, log} {
		if b, err := os.ReadFile(name); err != nil || len(b) < 100 {
			t.Errorf("%s: got %d bytes, %v", name, len(b), err)
		}
	}
}

func TestFailOnError(t *testing.T) {
	url := server(t)
	for _, tc := range []struct {
		name string
		args []string
		want int
	}{
		{"404 alone is no failure", []string{url + "/missing"}, 0},
		{"404 fails when asked for", []string{url + "/missing", "--fail-on-error"}, 1},
		{"404 expected", []string{url + "/missing", "--fail-on-error", "--expect", "200-299,404"}, 0},
		{"good answers", []string{url, "--fail-on-error"}, 0},
		{"nobody there", []string{"http://127.0.0.1:1/"}, 1},
		{"nobody there, new connections", []string{"http://127.0.0.1:1/", "--no-keepalive"}, 1},
		{"ramp", []string{url + "/missing", "--ramp", "50:100", "--steps", "2", "-d", "100ms", "--fail-on-error"}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			args := append([]string{"run", "-c", "2"}, tc.args...)
			if !strings.Contains(strings.Join(args, " "), "--ramp") {
				args = append(args, "-n", "5")
			}
			if code, out, errs := call(t, args...); code != tc.want {
				t.Errorf("got %d; want %d (%q, %q)", code, tc.want, out, errs)
			}
		})
	}
}

func TestWrongUsage(t *testing.T) {
	for _, args := range [][]string{
		{"run"},
		{"run", "http://a", "http://b"},
		{"run", "--no-such-flag", "http://a"},
		{"nonsense"},
		{"run", "http://a", "--arrival", "sometimes"},
		{"run", "http://a", "--ramp", "x"},
		{"run", "http://a", "--expect", "2xx"},
		{"run", "https://a", "--tls-curves", "X25519,P-1"},
		{"run", "http://a", "--requests", "/no/such/file"},
		{"run", "http://a", "--body", "@/no/such/file"},
		{"run", "http://a", "--ramp", "1:2", "--knee"},
		{"origin", "--delay", "x:y"},
		{"origin", "--size", "x"},
		{"origin", "more"},
		{"compare", "http://a"},
		{"compare", "http://a", "http://b", "--pid", "C=1"},
		{"compare", "http://a", "http://b", "--names", "one"},
	} {
		if code, _, errs := call(t, args...); code != 2 || !strings.HasPrefix(errs, "isame-bench: ") {
			t.Errorf("%q: got %d, %q; want 2", args, code, errs)
		}
	}
}

func TestVersionAndHelp(t *testing.T) {
	if code, out, _ := call(t, "--version"); code != 0 || out != "isame-bench v1\n" {
		t.Errorf("got %d, %q", code, out)
	}
	if code, out, _ := call(t); code != 0 || !strings.Contains(out, "origin") || !strings.Contains(out, "compare") {
		t.Errorf("got %d, %q", code, out)
	}
}

// lines is a writer that hands out the lines written to it.
type lines struct {
	c   chan string
	mu  sync.Mutex
	buf string
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf += string(b)
	for {
		line, rest, found := strings.Cut(l.buf, "\n")
		if !found {
			return len(b), nil
		}
		l.buf = rest
		l.c <- line
	}
}

func TestOriginSaysWhereItListens(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out := &lines{c: make(chan string, 4)}
	done := make(chan int, 1)
	go func() {
		done <- Run(ctx, Env{Stdout: out, Stderr: io.Discard}, []string{"origin", "--count", "2", "--name", "n", "--size", "1KiB"})
	}()
	for _, name := range []string{"n-1", "n-2"} {
		line := <-out.c
		address, found := strings.CutPrefix(line, "listening on ")
		address, isName := strings.CutSuffix(address, " ("+name+")")
		if !found || !isName {
			t.Fatalf("got %q", line)
		}
		a, err := http.Get("http://" + address + "/")
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(a.Body); err != nil || len(b) != 1024 || a.Header.Get("X-Origin") != name {
			t.Errorf("got %d bytes from %q, %v", len(b), a.Header.Get("X-Origin"), err)
		}
		a.Body.Close()
	}
	cancel()
	if code := <-done; code != 0 {
		t.Errorf("got exit code %d; want 0", code)
	}
}

func TestOriginAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if code, _, errs := call(t, "origin", "--listen", l.Addr().String()); code != 1 || !strings.Contains(errs, l.Addr().String()) {
		t.Errorf("got %d, %q; want 1 and the address", code, errs)
	}
}

func TestKneeAndCompareCommands(t *testing.T) {
	url := server(t)
	code, out, errs := call(t, "run", url, "--knee", "--target", "10s", "--rate", "1e6", "-d", "50ms", "-c", "2", "--json")
	var found load.Found
	if err := json.Unmarshal([]byte(out), &found); err != nil || code != 0 || len(found.Steps) == 0 {
		t.Errorf("knee: got %d, %v, %q", code, err, errs)
	}
	code, out, errs = call(t, "compare", url, url, "--direct", url, "-n", "20", "-c", "2", "--rounds", "3", "--names", "one,two", "--pid", "A=1")
	if code != 0 || !strings.Contains(out, "one") || !strings.Contains(out, "p99 added by the proxy") {
		t.Errorf("compare: got %d, %q, %q", code, out, errs)
	}
}

func TestProgressOnlyOnATerminal(t *testing.T) {
	for _, terminal := range []bool{true, false} {
		var out, errs bytes.Buffer
		code := Run(t.Context(), Env{Stdout: &out, Stderr: &errs, Terminal: terminal}, []string{"run", server(t), "-c", "1", "--rate", "20", "-d", "600ms"})
		if code != 0 || strings.Contains(errs.String(), "\r") != terminal || strings.Contains(out.String(), "\r") {
			t.Errorf("terminal %t: got %d, %q", terminal, code, errs.String())
		}
	}
}
