package headroom

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/bench/load"
	"github.com/isame-lb/isame-lb/bench/origin"
	"github.com/isame-lb/isame-lb/bench/proxies"
)

// Options of a run.
type Options struct {
	// Isame is the isame-lb program, Core the core that it runs on. This process should run on
	// another one.
	Isame string
	Core  int
	// Cases are names; empty means all that there are.
	Cases []string
	// Hold is how long the proxy has a load before it is asked, Step how long each step of the
	// search is.
	Hold, Step time.Duration
}

// Row is what was said at one load, beside what is true.
type Row struct {
	Case  string `json:"case"`
	About string `json:"about"`
	// Share of the knee that the load was, Load in requests a second or connections.
	Share float64 `json:"share"`
	Load  float64 `json:"load"`
	// First is the limit that was named first, Estimate the load that it stands for with its range.
	First    string  `json:"first"`
	Estimate float64 `json:"estimate"`
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
	// Truth is what the search has found.
	Truth float64 `json:"truth"`
	// Met is whether the right limit was named first, with an estimate within 20 %. Limited says that load
	// or origin gave out before the proxy, so that the truth is higher.
	Met     bool   `json:"met"`
	Limited bool   `json:"limited"`
	Summary string `json:"summary"`
}

// within is how far an estimate may be off.
const within = 0.2

// shares of the knee at which the proxy is asked. The knee is not known then: they are of what
// a closed loop gets.
var shares = []float64{0.25, 0.5, 0.7} //nolint:gochecknoglobals // read-only table

// Run makes the cases one after the other and calls each with the outcome.
func Run(ctx context.Context, o Options, each func(Row) error) error {
	for _, name := range o.Cases {
		if !slices.Contains(Names(), name) {
			return fmt.Errorf("cannot find the case %q, only %s", name, strings.Join(Names(), ", "))
		}
	}
	for _, e := range examples() {
		if len(o.Cases) > 0 && !slices.Contains(o.Cases, e.name) {
			continue
		}
		rows, err := e.check(ctx, &o)
		if err != nil {
			return fmt.Errorf("cannot check the case %q: %w", e.name, err)
		}
		for _, r := range rows {
			if err := each(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// site is a running proxy with its origin.
type site struct {
	*proxies.Isame

	origin *origin.Server
}

func (e *example) open(ctx context.Context, o *Options) (*site, error) {
	how, err := e.origin()
	if err != nil {
		return nil, err
	}
	s := &site{}
	if s.origin, err = origin.Start(ctx, how); err != nil {
		return nil, err
	}
	s.Isame, err = proxies.StartIsameOn(ctx, o.Core, o.Isame, func(listen, admin string) string {
		return e.configure(listen, admin, s.origin.Addrs()[0])
	})
	if err != nil {
		s.close(ctx)
		return nil, err
	}
	return s, nil
}

func (s *site) close(ctx context.Context) {
	if s.Isame != nil {
		s.Stop()
	}
	_ = s.origin.Close(ctx) // the process ends with it
}

// check measures one case.
func (e *example) check(ctx context.Context, o *Options) ([]Row, error) {
	peak, err := e.peak(ctx, o)
	if err != nil {
		return nil, err
	}
	s, err := e.open(ctx, o) // another process, which has seen none of that
	if err != nil {
		return nil, err
	}
	defer s.close(ctx)
	if e.connections > 0 {
		return e.checkConnections(ctx, s, o, peak)
	}
	var rows []Row
	for _, share := range shares {
		r, err := e.ask(ctx, s, o, share*peak)
		if err != nil {
			return nil, err
		}
		r.Load = share * peak
		rows = append(rows, r)
	}
	found, err := load.Knee(ctx, e.plan(s.URL, o.Step), load.Goal{P99: e.target, Start: peak / 2}, nil)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		rows[i].judge(e, found.Rate, found.Limit == load.LimitGenerator)
	}
	return rows, nil
}

// peak is what a closed loop gets, which is about the knee.
func (e *example) peak(ctx context.Context, o *Options) (float64, error) {
	s, err := e.open(ctx, o)
	if err != nil {
		return 0, err
	}
	defer s.close(ctx)
	p := e.plan(s.URL, o.Step)
	p.Connections = min(p.Connections, 64)
	r, err := load.Run(ctx, p)
	if err != nil {
		return 0, err
	}
	return r.Rate, nil
}

// said is what the admin endpoint says.
type said struct {
	Summary   string   `json:"summary"`
	Concluded bool     `json:"concluded"`
	Times     *float64 `json:"times"`
	Low       *float64 `json:"low"`
	High      *float64 `json:"high"`
	Limits    []struct {
		Limit string `json:"limit"`
	} `json:"limits"`
	Rate float64 `json:"requests_per_second"`
}

// ask sends a load, and asks a moment before its end. The estimate is in times of what the proxy
// has seen a second, which is less than the load where it was less within the minute.
func (e *example) ask(ctx context.Context, s *site, o *Options, rate float64) (Row, error) {
	ended := make(chan error, 1)
	p := e.plan(s.URL, o.Hold)
	p.Rate = rate
	go func() {
		_, err := load.Run(ctx, p)
		ended <- err
	}()
	moment := time.NewTimer(o.Hold)
	defer moment.Stop()
	select {
	case <-moment.C:
	case err := <-ended:
		return Row{}, fmt.Errorf("cannot hold %.0f a second: %w", rate, err)
	}
	h, err := s.said(ctx)
	if err != nil {
		return Row{}, err
	}
	if err := <-ended; err != nil {
		return Row{}, err
	}
	r := Row{Case: e.name, About: e.about, Summary: h.Summary}
	if h.Concluded && h.Times != nil && h.Low != nil && h.High != nil && len(h.Limits) > 0 {
		now := h.Rate
		if e.connections > 0 {
			now = float64(e.connections)
		}
		r.First, r.Estimate, r.Low, r.High = h.Limits[0].Limit, *h.Times*now, *h.Low*now, *h.High*now
	}
	return r, nil
}

func (s *site) said(ctx context.Context) (h said, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Admin+"/api/v1/headroom", http.NoBody)
	if err != nil {
		return h, fmt.Errorf("cannot build a request: %w", err)
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return h, fmt.Errorf("cannot ask for the headroom: %w", err)
	}
	defer a.Body.Close()
	if err := json.NewDecoder(a.Body).Decode(&h); err != nil || a.StatusCode != http.StatusOK {
		return h, fmt.Errorf("cannot read the headroom: status %d: %w", a.StatusCode, err)
	}
	return h, nil
}

func (r *Row) judge(e *example, truth float64, limited bool) {
	r.Truth, r.Limited = truth, limited
	if truth <= 0 {
		return // no rate held the target
	}
	r.Share = r.Load / truth
	r.Met = r.First == e.first && math.Abs(r.Estimate/truth-1) <= within
}

// checkConnections holds the estimate against the number of connections that are let in.
func (e *example) checkConnections(ctx context.Context, s *site, o *Options, peak float64) ([]Row, error) {
	r, err := e.ask(ctx, s, o, peak/10)
	if err != nil {
		return nil, err
	}
	r.Load = float64(e.connections)
	let, err := letIn(ctx, strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		return nil, err
	}
	r.judge(e, float64(let), false)
	return []Row{r}, nil
}

// answerWithin is how long a connection that was let in may take.
const answerWithin = time.Second

// letIn is how many connections get an answer while all of them stay open.
func letIn(ctx context.Context, address string) (n int, err error) {
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for len(open) < 2*clientsMost {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return 0, fmt.Errorf("cannot open connection %d: %w", len(open)+1, err)
		}
		open = append(open, c)
		if !isLetIn(c, address) {
			return len(open) - 1, nil
		}
	}
	return len(open), nil
}

// isLetIn reports that a connection gets an answer in time.
func isLetIn(c net.Conn, address string) bool {
	_ = c.SetDeadline(time.Now().Add(answerWithin))
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: "+address+"\r\n\r\n"); err != nil {
		return false
	}
	a, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return false
	}
	a.Body.Close()
	return a.StatusCode == http.StatusOK
}
