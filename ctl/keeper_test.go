package ctl

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/ledger"
)

// keeper is a process around a real ledger: it reads a real file, and applies nothing.
type keeper struct {
	t     *testing.T
	file  string
	state string // what a restart finds; empty is none
	env   []string

	apply sync.Mutex // what Do holds

	mu      sync.Mutex
	clocks  []*clock
	running *config.Loaded
	refuse  error // of the next applies
	live    ledger.Live
	reports []ledger.Report

	ledger *ledger.Ledger
	server *Server
}

// clock is a timer that fire fires.
type clock struct {
	d       time.Duration
	f       func()
	stopped bool
}

// plainConfig is what the file of a keeper holds at first, where a test says nothing else.
const plainConfig = `listeners: {web: {address: "127.0.0.1:8080"}}
routes: {all: {pool: p}}
pools:
  p: # the only one
    backends: [{address: "127.0.0.1:1"}]
`

// sampleLedger is a ledger that runs plainConfig, and applies whatever is good.
func sampleLedger() *ledger.Ledger {
	var one sync.Mutex
	file, err := config.Load(config.Options{File: "isame.yaml", Data: []byte(plainConfig)})
	if err != nil {
		panic(err)
	}
	l, err := ledger.Open(ledger.Options{
		Do: func(_ context.Context, f func()) error {
			one.Lock()
			defer one.Unlock()
			f()
			return nil
		},
		Apply: func(*config.Loaded, uint64) error { return nil },
		Load: func(d *config.Document, name string) (*config.Loaded, error) {
			return config.Load(config.Options{Document: d, File: name})
		},
		ReadFile: func() (*config.Loaded, error) { return file, nil },
		Logger:   zerolog.Nop(),
	})
	if err != nil {
		panic(err)
	}
	l.Begin(file)
	l.Begun()
	return l
}

// keep starts a keeper with a configuration file.
func keep(t *testing.T, text string) *keeper {
	t.Helper()
	k := &keeper{t: t, file: filepath.Join(t.TempDir(), "isame.yaml")}
	k.write(text)
	return k
}

// started is keep and start.
func started(t *testing.T, text string) *keeper {
	t.Helper()
	k := keep(t, text)
	k.start()
	return k
}

func (k *keeper) write(text string) {
	k.t.Helper()
	if err := os.WriteFile(k.file, []byte(text), 0o600); err != nil {
		k.t.Fatal(err)
	}
}

// start begins a process; calling it again is a restart.
func (k *keeper) start() {
	k.t.Helper()
	file, err := k.read()
	if err != nil {
		k.t.Fatal(err)
	}
	k.mu.Lock()
	k.clocks = nil
	k.mu.Unlock()
	k.ledger, err = ledger.Open(ledger.Options{
		Do: k.do, Apply: k.take, Load: k.load, ReadFile: k.read, File: k.file, BaseDir: filepath.Dir(k.file), Live: k.counted,
		Report: k.told, Dir: k.state, Logger: zerolog.Nop(), After: k.after,
	})
	if err != nil {
		k.t.Fatal(err)
	}
	run, generation := k.ledger.Begin(file)
	if err := k.take(run, generation); err != nil {
		k.t.Fatal(err)
	}
	k.ledger.Begun()
	k.server = start(k.t, Options{Sources: Sources{Ledger: k.ledger, Reload: k.reload, Config: k.effective}})
}

func (k *keeper) do(_ context.Context, f func()) error {
	k.apply.Lock()
	defer k.apply.Unlock()
	f()
	return nil
}

func (k *keeper) take(l *config.Loaded, _ uint64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.refuse != nil {
		return k.refuse
	}
	k.running = l
	return nil
}

// refuseWith has the next applies refused; nil takes them.
func (k *keeper) refuseWith(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refuse = err
}

func (k *keeper) load(d *config.Document, name string) (*config.Loaded, error) {
	return config.Load(config.Options{Document: d, File: name, BaseDir: filepath.Dir(k.file), Environ: k.env})
}

func (k *keeper) read() (*config.Loaded, error) {
	return config.Load(config.Options{File: k.file, Environ: k.env})
}

func (k *keeper) counted() ledger.Live {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.live
}

func (k *keeper) told(r ledger.Report) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reports = append(k.reports, r)
}

func (k *keeper) reload(r *Reload) (api.ReloadResult, error) {
	out, err := k.ledger.RequestReload(ledger.Author{Name: r.Author, Trigger: ledger.TriggerAPI}, r.Force, r.May)
	if err != nil {
		return api.ReloadResult{}, err
	}
	return api.ReloadResult{
		Generation: out.Generation, Unchanged: out.Unchanged, HeldBack: out.HeldBack, RestartNeeded: DescribeProblems(out.Kept),
	}, nil
}

func (k *keeper) effective(format string) (ConfigDocument, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var b strings.Builder
	err := config.Write(&b, k.running, format)
	return ConfigDocument{Body: []byte(b.String()), ETag: "x"}, err
}

func (k *keeper) after(d time.Duration, f func()) func() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := &clock{d: d, f: f}
	k.clocks = append(k.clocks, c)
	return func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		was := c.stopped
		c.stopped = true
		return !was
	}
}

// fire lets the clocks of a duration run out, and reports how many there were.
func (k *keeper) fire(d time.Duration) int {
	k.mu.Lock()
	var due []*clock
	for _, c := range k.clocks {
		if c.d == d && !c.stopped {
			c.stopped = true
			due = append(due, c)
		}
	}
	k.mu.Unlock()
	for _, c := range due {
		c.f()
	}
	return len(due)
}

// signal is SIGHUP.
func (k *keeper) signal() (out ledger.Outcome, err error) {
	_ = k.do(k.t.Context(), func() {
		out, err = k.ledger.Reload(ledger.Author{Name: ledger.Self, Trigger: ledger.TriggerSignal}, false)
	})
	return out, err
}

// ask sends one request on a connection of its own. fields are "Name: value".
func (k *keeper) ask(method, path, body string, fields ...string) answer {
	k.t.Helper()
	head := strings.Join(append(fields, ""), "\r\n")
	isTyped := false
	for _, f := range fields {
		isTyped = isTyped || strings.HasPrefix(f, "Content-Type:")
	}
	if body != "" && !isTyped {
		media := typeYAML
		switch {
		case method == http.MethodPatch:
			media = typeMerge
		case method == http.MethodPost && !strings.HasSuffix(path, "/plan"):
			media = typeJSON
		}
		head += "Content-Type: " + media + "\r\n"
	}
	return raw(k.t, k.server, request(method, path, head, body))
}

// etag is that of a GET, with its quotes.
func (k *keeper) etag(path string) string {
	k.t.Helper()
	a := k.ask("GET", path, "")
	if a.status != 200 || a.header.Get("ETag") == "" {
		k.t.Fatalf("GET %s: got %d, ETag %q: %s", path, a.status, a.header.Get("ETag"), a.body)
	}
	return a.header.Get("ETag")
}

// put replaces the configuration, and fails unless that is done.
func (k *keeper) put(text string) api.Applied {
	k.t.Helper()
	return decoded[api.Applied](k.t, k.ask("PUT", "/api/v1/config", text, "If-Match: *"), 200)
}

// decoded is a body that has to come with a status.
func decoded[T any](t *testing.T, a answer, status int) (v T) {
	t.Helper()
	if a.status != status {
		t.Fatalf("got %d %s; want %d", a.status, a.body, status)
	}
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	return v
}

// refusedWith fails unless an answer is a refusal with a status and a code.
func refusedWith(t *testing.T, a answer, status int, code api.Code) api.Problem {
	t.Helper()
	p := decoded[api.Problem](t, a, status)
	if p.Code != code {
		t.Errorf("got code %q; want %q: %s", p.Code, code, a.body)
	}
	return p
}

// weight is the configuration with a weight that tells it from others.
func weight(n string) string {
	return strings.Replace(plainConfig, `"127.0.0.1:1"`, `"127.0.0.1:1", weight: `+n, 1)
}

// runs fails unless the running configuration has that weight.
func (k *keeper) runs(want int) {
	k.t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if got := k.running.Config.Pools["p"].Backends[0].Weight; got != want {
		k.t.Errorf("got a configuration with weight %d; want %d", got, want)
	}
}

// sameConnection sends requests one after the other on c, which stays open.
func sameConnection(t *testing.T, k *keeper, c io.ReadWriter, r *bufio.Reader, method, path, fields, body string) answer {
	t.Helper()
	text := strings.Replace(request(method, path, fields, body), "Connection: close\r\n", "", 1)
	if _, err := io.WriteString(c, strings.ReplaceAll(text, "$HOST", k.server.Addr().String())); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	text2, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.Close {
		resp.Header.Set("Connection", "close")
	}
	return answer{resp.StatusCode, resp.Header, string(text2)}
}
