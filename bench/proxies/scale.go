package proxies

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/bench/compare"
)

// Scale is how a large configuration is measured: from the start of a program to its first
// answer, and by the admin API of Isame while it serves.
type Scale struct {
	// Isame and HAProxy are the programs.
	Isame, HAProxy string
	// Routes go to the pools by turns; each pool has as many Backends.
	Routes, Pools, Backends int
	// Rounds are interleaved: each program starts once in each.
	Rounds int
	// Log gets a line for each round.
	Log io.Writer
}

// scalePause is between two tries to connect to a program that starts.
const scalePause = 200 * time.Microsecond

// scaleCalls is how often each call of the admin API is measured.
const scaleCalls = 41

// starter is a program that is started with a configuration of this size.
type starter struct {
	name    string
	program string
	args    []string
	front   string // where it answers
	took    []time.Duration
	used    []time.Duration // of processors, by it and its children
}

// ScaleOutcome are the figures of Scale, in milliseconds.
type ScaleOutcome struct {
	scale  *Scale
	starts []starter
	calls  []calls
}

// calls are the durations of one call of the admin API.
type calls struct {
	name string
	took []time.Duration
}

// Run measures. Origins are this process: one, which the first backend of the first pool is.
func (s *Scale) Run(ctx context.Context) (*ScaleOutcome, error) {
	dir, remove, err := ownTemp()
	if err != nil {
		return nil, err
	}
	defer remove()
	origin, stop, err := serveOrigin(ctx)
	if err != nil {
		return nil, err
	}
	defer stop()
	w := &scaleWriter{scale: s, dir: dir, origin: origin}
	admin, starters, err := w.write(ctx)
	if err != nil {
		return nil, err
	}
	o := &ScaleOutcome{scale: s, starts: starters}
	for round := range s.Rounds {
		for i := range o.starts {
			if err := o.startOnce(ctx, &o.starts[(i+round)%len(o.starts)], dir); err != nil {
				return nil, err
			}
		}
		_, _ = fmt.Fprintf(s.Log, "round %d of %d\n", round+1, s.Rounds)
	}
	err = o.ask(ctx, &o.starts[0], admin, dir)
	return o, err
}

// startOnce measures one start.
func (o *ScaleOutcome) startOnce(ctx context.Context, st *starter, dir string) error {
	began := time.Now()
	p, err := start(ctx, place{core: -1, dir: dir}, st.program, st.args...)
	if err != nil {
		return err
	}
	defer p.stop()
	if err := p.firstAnswer(ctx, st.front); err != nil {
		return err
	}
	st.took = append(st.took, time.Since(began))
	used, err := compare.ReadUsage(p.pid())
	if err != nil {
		return fmt.Errorf("cannot measure %q: %w", st.program, err)
	}
	st.used = append(st.used, used.CPUSince(compare.Usage{}))
	return nil
}

// firstAnswer returns when a request of the first route is answered with 200.
func (p *process) firstAnswer(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	tick := time.NewTicker(scalePause)
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			return fmt.Errorf("cannot keep %q running, it said: %s", p.cmd.Path, p.output)
		case <-ctx.Done():
			return fmt.Errorf("cannot reach %q in %s, it said: %s", p.cmd.Path, readyWithin, p.output)
		case <-tick.C:
		}
		if answersFirst(ctx, address) {
			return nil
		}
	}
}

// answersFirst asks once.
func answersFirst(ctx context.Context, address string) bool {
	c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	if _, err := fmt.Fprintf(c, "GET /p0/ HTTP/1.1\r\nHost: h0.example\r\nConnection: close\r\n\r\n"); err != nil {
		return false
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	return err == nil && strings.HasPrefix(line, "HTTP/1.1 200")
}

// ask measures the admin API of Isame.
func (o *ScaleOutcome) ask(ctx context.Context, isame *starter, admin, dir string) error {
	p, err := start(ctx, place{core: -1, dir: dir}, isame.program, isame.args...)
	if err != nil {
		return err
	}
	defer p.stop()
	if err := p.ready(ctx, "http://"+admin+"/ready", nil, false); err != nil {
		return err
	}
	status := calls{name: "GET /api/v1/status"}
	explain := calls{name: "POST /api/v1/explain"}
	for i := range scaleCalls {
		n := i * (o.scale.Routes - 1) / (scaleCalls - 1)
		question := fmt.Sprintf(`{"method":"GET","url":"http://h%d.example/p%d/x"}`, n, n)
		if err := errors.Join(
			status.measure(ctx, http.MethodGet, "http://"+admin+"/api/v1/status", ""),
			explain.measure(ctx, http.MethodPost, "http://"+admin+"/api/v1/explain", question),
		); err != nil {
			return err
		}
	}
	o.calls = []calls{explain, status}
	return nil
}

// measure asks once, to the last byte of the answer.
func (c *calls) measure(ctx context.Context, method, url, body string) error {
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("cannot build a request: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	began := time.Now()
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("cannot ask %s: %w", c.name, err)
	}
	defer func() { _ = a.Body.Close() }()
	text, err := io.ReadAll(a.Body)
	if err != nil || a.StatusCode != http.StatusOK {
		return fmt.Errorf("cannot ask %s: status %d, %.200s: %w", c.name, a.StatusCode, text, err)
	}
	c.took = append(c.took, time.Since(began))
	return nil
}

// Markdown prints both tables.
func (o *ScaleOutcome) Markdown(w io.Writer) error {
	var b bytes.Buffer
	s := o.scale
	fmt.Fprintf(&b, "%d routes, %d pools of %d backends; medians of %d interleaved rounds\n\n", s.Routes, s.Pools, s.Backends, s.Rounds)
	fmt.Fprintf(&b, "| start to first answer | ms | least to most | Isame / it | CPU ms | Isame / it |\n|---|---|---|---|---|---|\n")
	own, used := middle(o.starts[0].took), middle(o.starts[0].used)
	for i := range o.starts {
		st := &o.starts[i]
		fmt.Fprintf(&b, "| %s | %s | %s - %s | %.2f | %s | %.2f |\n",
			st.name, ms(middle(st.took)), ms(slices.Min(st.took)), ms(slices.Max(st.took)),
			float64(own)/float64(middle(st.took)), ms(middle(st.used)), float64(used)/float64(max(middle(st.used), 1)))
	}
	fmt.Fprintf(&b, "\n| admin API, %d calls | median ms | most ms |\n|---|---|---|\n", scaleCalls)
	for i := range o.calls {
		c := &o.calls[i]
		fmt.Fprintf(&b, "| %s | %s | %s |\n", c.name, ms(middle(c.took)), ms(slices.Max(c.took)))
	}
	if _, err := b.WriteTo(w); err != nil {
		return fmt.Errorf("cannot print the tables: %w", err)
	}
	return nil
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f", d.Seconds()*1e3) }

// middle is the median.
func middle(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return (sorted[len(sorted)/2] + sorted[(len(sorted)-1)/2]) / 2
}

// serveOrigin answers everything with 200.
func serveOrigin(ctx context.Context) (address string, stop func(), err error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("cannot listen: %w", err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), ReadHeaderTimeout: readyWithin}
	go func() { _ = server.Serve(ln) }()
	return ln.Addr().String(), func() { _ = server.Close() }, nil
}

// scaleWriter writes the configurations.
type scaleWriter struct {
	scale  *Scale
	dir    string
	origin string
}

// backend is the address of a backend; but for the first, nobody listens there.
func (w *scaleWriter) backend(pool, i int) string {
	if pool == 0 && i == 0 {
		return w.origin
	}
	n := pool*w.scale.Backends + i
	return fmt.Sprintf("127.%d.%d.%d:9", 1+n/65025, n/255%255, 1+n%255)
}

// write writes all of them; Isame is the first. Admin is its API.
func (w *scaleWriter) write(ctx context.Context) (admin string, all []starter, err error) {
	var addresses [4]string
	for i := range addresses {
		if addresses[i], err = freeAddress(ctx); err != nil {
			return "", nil, err
		}
	}
	admin = addresses[0]
	file := filepath.Join(w.dir, "isame.yaml")
	all = []starter{{name: "Isame", program: w.scale.Isame, args: []string{"run", "--config", file}, front: addresses[1]}}
	if all[0].program, err = filepath.Abs(w.scale.Isame); err != nil {
		return "", nil, fmt.Errorf("cannot find %q: %w", w.scale.Isame, err)
	}
	if err := w.file("isame.yaml", w.isame(admin, addresses[1])); err != nil {
		return "", nil, err
	}
	program, err := exec.LookPath(w.scale.HAProxy)
	if err != nil {
		_, _ = fmt.Fprintf(w.scale.Log, "HAProxy is left out: %s\n", err)
		return admin, all, nil
	}
	for i, rules := range []string{"map", "acl"} {
		front := addresses[2:][i]
		name := "haproxy-" + rules + ".cfg"
		if err := w.file(name, w.haproxy(front, rules)); err != nil {
			return "", nil, err
		}
		all = append(all, starter{
			name: "HAProxy, " + rules, program: program, args: []string{"-db", "-f", filepath.Join(w.dir, name)}, front: front,
		})
	}
	return admin, all, w.file("routes.map", w.routesMap())
}

func (w *scaleWriter) file(name string, text []byte) error {
	if err := os.WriteFile(filepath.Join(w.dir, name), text, 0o600); err != nil {
		return fmt.Errorf("cannot write a configuration: %w", err)
	}
	return nil
}
