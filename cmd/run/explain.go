package run

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/engine/explain"
)

// explain says what would become of a request.
func (p *proxy) explain(asked *api.ExplainRequest) (*api.Explanation, error) {
	return explained(asked, p.engine.Explain)
}

// explainBy is explain by a configuration that does not run.
func (p *proxy) explainBy(next *config.Loaded, asked *api.ExplainRequest) (*api.Explanation, error) {
	return explained(asked, func(q *explain.Question) (*explain.Explanation, error) { return p.engine.ExplainBy(next.Config, q) })
}

func explained(asked *api.ExplainRequest, by func(*explain.Question) (*explain.Explanation, error)) (*api.Explanation, error) {
	q, err := questionOf(asked)
	if err != nil {
		return nil, err
	}
	e, err := by(q)
	switch {
	case errors.Is(err, explain.ErrQuestion):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w: %w", err, ctl.ErrConflict)
	}
	return explanationOf(e), nil
}

func questionOf(asked *api.ExplainRequest) (*explain.Question, error) {
	q := &explain.Question{
		Method: asked.Method, URL: asked.URL, Listener: asked.Listener, ServerName: asked.SNI, Protocol: asked.Protocol,
	}
	if asked.PeerIP != "" {
		ip, err := netip.ParseAddr(asked.PeerIP)
		if err != nil {
			return nil, fmt.Errorf("%w: peer_ip %q is no address", explain.ErrQuestion, asked.PeerIP)
		}
		q.Peer = ip
	}
	for _, name := range slices.Sorted(maps.Keys(asked.Headers)) {
		for _, value := range asked.Headers[name] {
			q.Fields = append(q.Fields, explain.Field{Name: name, Value: value})
		}
	}
	return q, nil
}

func explanationOf(e *explain.Explanation) *api.Explanation {
	out := &api.Explanation{
		Generation: e.Generation, Request: api.ExplainedRequest(e.Request), Listener: api.ExplainedListener(e.Listener),
		Client: api.ExplainedClient{
			Peer: e.Client.Peer, Client: e.Client.Client, Field: e.Client.Field,
			Hops: converted(e.Client.Hops, func(h explain.Hop) api.ExplainedHop { return api.ExplainedHop(h) }),
		},
		Candidates:    converted(e.Candidates, func(c explain.Candidate) api.ExplainedCandidate { return api.ExplainedCandidate(c) }),
		CandidatesCut: e.CandidatesCut,
		Route:         (*api.ExplainedRoute)(e.Route),
		Middleware:    converted(e.Stages, func(s explain.Stage) api.ExplainedStage { return api.ExplainedStage(s) }),
		Answer:        (*api.ExplainedAnswer)(e.Reply),
	}
	if c := e.Certificate; c != nil {
		out.Certificate = &api.ExplainedCertificate{
			ServerName: c.ServerName, Name: c.Name, File: c.File, Why: c.Why, Refused: c.Refused,
			MinVersion: c.MinVersion, ClientAuth: c.ClientAuth,
		}
		if !c.NotAfter.IsZero() {
			out.Certificate.NotAfter = &c.NotAfter
		}
	}
	if f := e.Forward; f != nil {
		out.Forward = &api.ExplainedForward{
			Method: f.Method, Target: f.Target, Host: f.Host, TimeoutSeconds: f.Timeout.Seconds(), Attempts: f.Attempts,
			RetryOn: converted(f.RetryOn, func(on string) string { return on }), Repeatable: f.Repeatable, Hedge: f.Hedge, Mirror: f.Mirror,
			Headers: converted(f.Fields, func(l explain.Field) api.ExplainedField { return api.ExplainedField(l) }),
			Pools:   converted(f.Pools, explainedPool),
		}
	}
	out.Summary = summary(e)
	return out
}

// converted is never nil, so that a list in JSON is one.
func converted[A, B any](list []A, convert func(A) B) []B {
	out := make([]B, len(list))
	for i := range list {
		out[i] = convert(list[i])
	}
	return out
}

func explainedPool(p explain.Pool) api.ExplainedPool {
	return api.ExplainedPool{
		Name: p.Name, Share: p.Share, Why: p.Why, Algorithm: p.Algorithm, HashOn: p.HashOn, Panic: p.Panic,
		BackendsCut: p.MembersCut, Pick: p.Pick, PickWhy: p.PickWhy, Cause: p.Cause, Limit: p.Limit,
		Backends: converted(p.Members, func(m explain.Member) api.ExplainedBackend {
			b := api.ExplainedBackend{
				Address: m.Address, Weight: m.Weight, Rank: m.Rank, Zone: m.Zone, State: m.State, Health: m.Health,
				Breaker: m.Breaker, Up: m.Up, InFlight: m.InFlight,
			}
			if m.Share >= 0 {
				b.Share = &m.Share
			}
			return b
		}),
	}
}

// summary is the outcome in one sentence.
func summary(e *explain.Explanation) string {
	var parts []string
	if e.Route != nil && e.Route.Name != "" {
		parts = append(parts, "route "+e.Route.Name)
	}
	unsure := ""
	for i := range e.Stages {
		if e.Stages[i].Outcome == "unsure" {
			unsure = " (if stage " + e.Stages[i].Name + " lets it pass)"
			break
		}
	}
	switch r := e.Reply; {
	case r != nil && r.Status == 0 && r.Cause == "":
		parts = append(parts, "answered by "+r.By)
	case r != nil && r.Status == 0:
		parts = append(parts, "ended without an answer by "+r.By)
	case r != nil && r.Cause != "":
		parts = append(parts, fmt.Sprintf("answered %d (%s) by %s", r.Status, r.Cause, r.By))
	case r != nil:
		parts = append(parts, fmt.Sprintf("answered %d by %s", r.Status, r.By))
	case e.Forward != nil:
		parts = append(parts, poolsText(e.Forward.Pools))
	}
	return strings.Join(parts, ", ") + unsure
}

func poolsText(pools []explain.Pool) string {
	if len(pools) == 1 {
		p := &pools[0]
		if p.Pick != "" {
			return "pool " + p.Name + ", backend " + p.Pick
		}
		return "pool " + p.Name + ", one of its backends"
	}
	texts := make([]string, len(pools))
	for i := range pools {
		texts[i] = fmt.Sprintf("%s (%.4g%%)", pools[i].Name, 100*pools[i].Share)
	}
	return "one of the pools " + strings.Join(texts, ", ")
}
