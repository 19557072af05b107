package ctl

import (
	"fmt"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
)

// BlameQuery is whose time is asked for.
type BlameQuery struct {
	// Route is a name; empty is all.
	Route string
	// Since bounds when exchanges ended; zero is as far back as they are kept.
	Since time.Time
	// Rows bounds each table.
	Rows int
}

const (
	keyRoute = "route"
	keySince = "since"
	// blameRows is how many rows a table has where nobody asks for others.
	blameRows = 20
)

func (s *Server) blameEndpoints() []endpoint {
	return []endpoint{{method: methodGet, pattern: "/api/v1/blame", role: api.RoleObserve, serve: s.blame, doc: operation{
		id: "blame", summary: "Whose time that of the slowest exchanges is: by phase, backend, route and client, from what the recorder keeps",
		query: map[string]string{
			keyRoute: "name of a route; absent: all",
			keySince: "earliest end: a time (RFC 3339), or how long ago (10m); absent: as far back as every exchange is kept",
			keyLimit: "rows of each table, 1 to 1000; absent: 20",
		},
		answers: answers{200: api.Blame{}, 404: refusal{}, 409: refusal{}},
	}}}
}

// blame runs in the goroutine of the caller; it reads all records, some milliseconds for a hundred thousand.
func (s *Server) blame(x *call) error {
	if s.opts.Sources.Blame == nil {
		return notSupported("blame")
	}
	q, args := BlameQuery{}, x.ctx.QueryArgs()
	rows, bad := x.number(keyLimit, 1, limitMax, blameRows)
	if bad != nil {
		return bad
	}
	q.Rows = rows
	if args.Has(keySince) {
		at, err := readMoment(string(args.Peek(keySince)))
		if err != nil {
			return unknownParameter("query parameter %q: %s", keySince, err)
		}
		q.Since = at
	}
	if args.Has(keyRoute) {
		if q.Route = string(args.Peek(keyRoute)); q.Route == "" {
			return unknownParameter("query parameter %q is empty: leave it out", keyRoute)
		}
	}
	b, err := s.opts.Sources.Blame(&q)
	if err != nil {
		return err
	}
	if q.Route != "" && b.Exchanges == 0 {
		if err := s.knowsRoute(q.Route); err != nil {
			return err
		}
	}
	b.Summary, b.Concluded = blameSummary(b)
	b.Failures = filled(b.Failures)
	if b.Tail != nil {
		b.Tail.Phases, b.Tail.Backends, b.Tail.Clients = filled(b.Tail.Phases), filled(b.Tail.Backends), filled(b.Tail.Clients)
	}
	return x.answer(b)
}

// knowsRoute is an error where no route that runs has this name. Others may have had it before.
func (s *Server) knowsRoute(name string) error {
	if s.opts.Sources.Routes == nil {
		return nil
	}
	list := s.opts.Sources.Routes()
	names := make([]string, 0, len(list))
	for i := range list {
		if list[i].Name == name {
			return nil
		}
		names = append(names, list[i].Name)
	}
	return fmt.Errorf("route %q: %w: %s", name, ErrNotFound, someOf(names)+config.DidYouMean(name, names))
}
