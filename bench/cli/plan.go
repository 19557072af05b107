package cli

import (
	"crypto/tls"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/isame-lb/isame-lb/bench/load"
)

// planFlags are the flags that describe requests and load, for each command
// that sends some.
type planFlags struct {
	plan     load.Plan
	body     string
	requests string
	arrival  string
	insecure bool
	resume   bool
	curves   []string
}

// define adds the flags to a command.
func (f *planFlags) define(c *cobra.Command, duration time.Duration) {
	p, fl := &f.plan, c.Flags()
	fl.IntVarP(&p.Connections, "connections", "c", 16, "connections open at once")
	fl.DurationVarP(&p.Duration, "duration", "d", duration, "how long to send requests")
	fl.Int64VarP(&p.Count, "count", "n", 0, "stop after `N` requests (without -d: only then)")
	fl.IntVarP(&p.Threads, "threads", "t", 0, "worker threads; 0: one for each usable core")
	fl.Float64VarP(&p.Rate, "rate", "r", 0, "open loop: `N` requests due each second; 0: closed loop")
	fl.StringVar(&f.arrival, "arrival", "constant", "open loop: `constant` or poisson gaps")
	fl.Uint64Var(&p.Seed, "seed", 1, "of the poisson gaps")
	fl.DurationVarP(&p.Warmup, "warmup", "w", 0, "send requests this long before counting")
	fl.DurationVar(&p.Timeout, "timeout", 10*time.Second, "for one request, connecting included")
	fl.StringVarP(&p.Method, "method", "X", "", "GET, or POST with a body")
	fl.StringArrayVarP(&p.Header, "header", "H", nil, "`\"Name: value\"` sent with each request (repeatable)")
	fl.StringVarP(&f.body, "body", "b", "", "request body: `STRING|@FILE`")
	fl.StringVar(&f.requests, "requests", "", "cycle the requests of `FILE`, one a line: METHOD PATH [BODY|@FILE]")
	fl.BoolVar(&p.NoKeepAlive, "no-keepalive", false, "a new connection for each request")
	fl.IntVar(&p.PerConnection, "per-connection", 0, "close each connection after `N` answers; 0: never")
	fl.BoolVar(&p.WebSocket, "websocket", false, "send the body as WebSocket messages; each is answered by one of the server's")
	fl.StringVar(&p.Unix, "unix", "", "connect to the unix socket at `PATH`")
	fl.BoolVarP(&f.insecure, "insecure", "k", false, "accept any certificate")
	fl.BoolVar(&f.resume, "tls-resume", false, "resume TLS sessions on new connections")
	fl.StringSliceVar(&f.curves, "tls-curves", nil, "key exchanges offered, of `"+strings.Join(curveNames(), ", ")+"` (default those of Go)")
}

// prepare turns the flags into a plan.
func (f *planFlags) prepare(c *cobra.Command) (err error) {
	p := &f.plan
	if p.Count > 0 && !c.Flags().Changed("duration") {
		p.Duration = 0
	}
	switch f.arrival {
	case "constant":
	case "poisson":
		p.Poisson = true
	default:
		return fmt.Errorf("--arrival must be constant or poisson, not %q", f.arrival)
	}
	if f.body != "" {
		if p.Body, err = readBody(f.body); err != nil {
			return err
		}
	}
	if f.requests != "" {
		text, err := os.ReadFile(f.requests)
		if err != nil {
			return fmt.Errorf("cannot read the requests: %w", err)
		}
		if p.Requests, err = load.ReadRequests(string(text), os.ReadFile); err != nil {
			return fmt.Errorf("cannot read the requests in %q: %w", f.requests, err)
		}
	}
	p.TLS = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: f.insecure} //nolint:gosec // asked for by -k
	if p.TLS.CurvePreferences, err = readCurves(f.curves); err != nil {
		return err
	}
	if f.resume {
		p.TLS.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	return nil
}

// curves are the key exchanges of TLS that --tls-curves may name.
var curves = []struct {
	name string
	id   tls.CurveID
}{
	{"X25519", tls.X25519},
	{"P-256", tls.CurveP256},
	{"P-384", tls.CurveP384},
	{"P-521", tls.CurveP521},
	{"X25519MLKEM768", tls.X25519MLKEM768},
	{"SecP256r1MLKEM768", tls.SecP256r1MLKEM768},
	{"SecP384r1MLKEM1024", tls.SecP384r1MLKEM1024},
}

func curveNames() []string {
	out := make([]string, 0, len(curves))
	for _, c := range curves {
		out = append(out, c.name)
	}
	return out
}

// readCurves turns names into key exchanges; none given: nil, which is Go's choice.
func readCurves(wanted []string) ([]tls.CurveID, error) {
	var out []tls.CurveID
	for _, name := range wanted {
		n := len(out)
		for _, c := range curves {
			if strings.EqualFold(c.name, name) {
				out = append(out, c.id)
			}
		}
		if len(out) == n {
			return nil, fmt.Errorf("--tls-curves must be of %s, not %q", strings.Join(curveNames(), ", "), name)
		}
	}
	return out, nil
}
