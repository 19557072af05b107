package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// demo is what the embedded default forwards to: three backends that say who
// they are, and the service page. They are ordinary HTTP servers on free ports
// of the loopback address.
type demo struct {
	backends [3]*demoServer
	home     *demoServer
	page     *home
}

// demoServer is one of them. It can be stopped for a while, to see what the
// proxy makes of it.
type demoServer struct {
	address string
	handler http.Handler

	mu      sync.Mutex
	server  *http.Server // nil while it is stopped
	restart *time.Timer
}

// startDemo starts all four; on error none is left running.
func startDemo(build api.Build) (*demo, error) {
	d := &demo{page: &home{build: build, started: time.Now()}}
	for i := range d.backends {
		s := &demoServer{}
		s.handler = demoHandler(fmt.Sprintf("demo-%d", i+1), s)
		d.backends[i] = s
	}
	d.home = &demoServer{handler: d.page}
	for _, s := range d.all() {
		s.address = "127.0.0.1:0"
		if err := s.start(); err != nil {
			d.stop()
			return nil, fmt.Errorf("cannot start a demo backend: %w", err)
		}
	}
	return d, nil
}

func (d *demo) all() []*demoServer {
	return append(d.backends[:len(d.backends):len(d.backends)], d.home)
}

// addresses are the holes of the embedded default; made up ones when there is
// no demo, which is enough to check or print a configuration.
func (d *demo) addresses() config.Demo {
	if d == nil {
		return config.Demo{
			Backends: [3]string{"127.0.0.1:18081", "127.0.0.1:18082", "127.0.0.1:18083"}, Home: "127.0.0.1:18080",
		}
	}
	c := config.Demo{Home: d.home.address}
	for i, b := range d.backends {
		c.Backends[i] = b.address
	}
	return c
}

func (d *demo) stop() {
	for _, s := range d.all() {
		s.stop(0)
	}
}

// link has the service page name the addresses.
func (d *demo) link(links demoLinks) { d.page.links.Store(&links) }

// introduce says what to try, in the log and on the service page.
func (d *demo) introduce(log *zerolog.Logger, links demoLinks) {
	d.link(links)
	lines := []string{
		"try: curl -i " + links.front + "/health     answered by the proxy",
		"try: curl -i " + links.front + "/anything   three times: three backends",
		"try: curl -X POST http://" + d.backends[0].address + "/stop   stops one for 15 s; no request fails",
	}
	if links.admin != nil {
		lines = append(lines, "try: "+ctlHint(links.admin, links.adminTLS, "backends list")+
			"   or pools demo, routes; make build puts isame-ctl into bin")
	}
	for _, line := range append(lines, "then: "+ownName()+" init   writes "+initFile+"; make it your own and start again") {
		log.Info().Msg(line)
	}
}

// demoHeaderTimeout bounds a client of a demo server that says nothing.
const demoHeaderTimeout = 10 * time.Second

// start listens on the address; the first time that chooses the port.
func (s *demoServer) start() error {
	ln, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", s.address)
	if err != nil {
		return fmt.Errorf("cannot listen on %q: %w", s.address, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.address = ln.Addr().String()
	server := &http.Server{Handler: s.handler, ReadHeaderTimeout: demoHeaderTimeout}
	s.server = server
	safely.Go("demo", func() { _ = server.Serve(ln) }) // ends with ErrServerClosed
	return nil
}

// stop closes everything and comes back after the pause; 0 is never.
func (s *demoServer) stop(pause time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.restart != nil {
		s.restart.Stop()
	}
	if s.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), demoGrace)
		_ = s.server.Shutdown(ctx) // what is still under way then is cut
		cancel()
		_ = s.server.Close()
		s.server = nil
	}
	if pause > 0 {
		s.restart = safely.After(pause, "demo", func() { _ = s.start() })
	}
}

// Pauses of POST /stop, and how long answers under way may take before it.
const (
	demoGrace    = 500 * time.Millisecond
	demoPause    = 15 * time.Second
	demoPauseMax = 10 * time.Minute
)

// demoHandler answers with what the backend saw.
func demoHandler(name string, s *demoServer) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("POST /stop", func(w http.ResponseWriter, r *http.Request) {
		pause, err := pauseOf(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, name+" stops for "+pause.String()+"\n") //nolint:gosec // plain text, and a duration that was parsed
		safely.Go("demo", func() { s.stop(pause) })                      //nolint:contextcheck // the pause outlives the request
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Backend", name)
		out := json.NewEncoder(w)
		out.SetIndent("", "  ")
		_ = out.Encode(map[string]any{ // the client may have left
			"backend": name, "method": r.Method, "host": r.Host, "path": r.URL.RequestURI(), "headers": r.Header,
		})
	})
	return mux
}

func pauseOf(r *http.Request) (time.Duration, error) {
	text := r.URL.Query().Get("for")
	if text == "" {
		return demoPause, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > demoPauseMax {
		return 0, errors.New("for: want a duration up to 10m, for instance 15s")
	}
	return d, nil
}
