package ctl

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
)

// tapReadersMax bounds the readers of a tap: every exchange meets each of them.
const tapReadersMax = 8

// Tap is exchanges as they end. One goroutine at a time calls Take.
type Tap interface {
	// Take returns those that have ended since the call before, and how many more were
	// lost. It does not wait.
	Take() (list []api.Record, lost uint64)
	// Close ends it.
	Close()
}

const keySample = "sample"

// tapKeys are the parameters that a tap has in common with the list of records.
var tapKeys = []string{"route", "pool", "backend", "status", "cause", "client", "slower"}

// tapParameters are the descriptions of all by name.
func tapParameters() map[string]string {
	docs := map[string]string{keySample: "share of these that is shown, 0 to 1, drawn for each"}
	for _, name := range tapKeys {
		docs[name] = recordReaders[name].doc
	}
	return docs
}

// tap is the stream of exchanges.
func (s *Server) tap(x *call) error {
	if s.opts.Sources.Tap == nil {
		return notSupported("tap")
	}
	q, sample := RecordQuery{}, 1.0
	for key, value := range x.ctx.QueryArgs().All() {
		var err error
		if name := string(key); name == keySample {
			sample, err = readSample(string(value))
		} else {
			err = recordReaders[name].read(&q, string(value))
		}
		if err != nil {
			return unknownParameter("query parameter %q: %s", key, err)
		}
	}
	if err := s.checkNames(&q); err != nil {
		return unknownParameter("%s", err)
	}
	return s.stream(x, "taps", tapReadersMax, func() (flow, error) {
		t, err := s.opts.Sources.Tap(&q, sample)
		if err != nil {
			return nil, err
		}
		return tapFlow{t}, nil
	})
}

func readSample(value string) (float64, error) {
	share, err := strconv.ParseFloat(value, 64)
	if err != nil || !(share >= 0 && share <= 1) {
		return 0, fmt.Errorf("%q is no share from 0 to 1, such as 0.1", value)
	}
	return share, nil
}

// checkNames refuses what nobody is called at the moment: a slip would show nothing, for
// ever.
func (s *Server) checkNames(q *RecordQuery) error {
	var routes, pools, backends []string
	if s.opts.Sources.Routes != nil && q.Route != "" {
		for _, r := range s.opts.Sources.Routes() {
			routes = append(routes, r.Name)
		}
	}
	if s.opts.Sources.Pools != nil && (q.Pool != "" || q.Backend != "") {
		for _, p := range s.opts.Sources.Pools() {
			pools = append(pools, p.Name)
			for i := range p.Backends {
				backends = append(backends, p.Backends[i].Address)
			}
		}
	}
	for _, asked := range []struct {
		kind, name string
		known      []string
	}{{"route", q.Route, routes}, {"pool", q.Pool, pools}, {"backend", q.Backend, backends}} {
		if asked.name != "" && asked.known != nil && !slices.Contains(asked.known, asked.name) {
			hint := config.DidYouMean(asked.name, asked.known)
			return fmt.Errorf("query parameter %q: there is no %s %q%s", asked.kind, asked.kind, asked.name, hint)
		}
	}
	return nil
}

// tapFlow says the exchanges of a tap. It is seen by looking: to tell of each would cost
// the loops that carry them more than the rest of it.
type tapFlow struct{ Tap }

func (f tapFlow) wake() <-chan struct{} { return nil }
func (f tapFlow) close()                { f.Close() }

func (f tapFlow) write(out *bytes.Buffer) (more bool) {
	list, lost := f.Take()
	if lost > 0 {
		writeEvent(out, "", api.EventDropped, api.DroppedEvent{Dropped: lost})
	}
	for i := range list {
		writeEvent(out, "", api.EventExchange, &list[i])
	}
	return false
}
