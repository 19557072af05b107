package run

import (
	"errors"
	"fmt"
	"time"

	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/engine/record"
	"github.com/isame-lb/isame-lb/pool/end"
)

// blame asks the recorder whose time that of the slowest exchanges is.
func (p *proxy) blame(q *ctl.BlameQuery) (*api.Blame, error) {
	b, err := p.engine.Recorder().Blame(&record.BlameQuery{Route: q.Route, Since: q.Since, Rows: q.Rows})
	if errors.Is(err, record.ErrOff) {
		return nil, errRecorderOff
	}
	if err != nil {
		return nil, fmt.Errorf("cannot find out whose time it is: %w", err)
	}
	out := &api.Blame{
		Route: q.Route, Exchanges: b.Exchanges, From: b.From, Until: b.Until,
		P50MS: maybeMilliseconds(b.P50), P90MS: maybeMilliseconds(b.P90), P99MS: maybeMilliseconds(b.P99), SlowestMS: milliseconds(b.Slowest),
	}
	for _, f := range b.Failures {
		out.Failures = append(out.Failures, api.BlameFailure{
			Cause: f.End.Word(), Side: f.End.Side().String(), Meaning: failureText(&f), Status: f.Status,
			Exchanges: f.Exchanges, Share: share(f.Exchanges, b.Exchanges), KeptLonger: f.Longer,
		})
	}
	if b.Tail != nil {
		out.Tail = apiTail(b.Tail)
	}
	return out, nil
}

// failureText says how exchanges failed; an answer that says so ended well.
func failureText(f *record.Failure) string {
	if f.End == end.OK {
		return fmt.Sprintf("The answer was sent whole, with status %d.", f.Status)
	}
	return f.End.Text()
}

func apiTail(t *record.Tail) *api.BlameTail {
	out := &api.BlameTail{Percent: t.Percent, AboveMS: milliseconds(t.Above), Exchanges: t.Exchanges, KeptLonger: t.Longer}
	if t.Longer > 0 {
		out.KeptFrom = &t.LongerFrom
	}
	for i := range t.Parts {
		p := &t.Parts[i]
		out.Phases = append(out.Phases, api.BlamePhase{
			Phase: p.Part.String(), Side: p.Part.Side().String(), Meaning: p.Part.Text(),
			Share: p.Share, MeanMS: milliseconds(p.Mean), UsualMS: milliseconds(p.Usual),
			Pool: p.Pool, Backend: p.Backend, BackendShare: p.BackendShare, Backends: p.Backends,
		})
	}
	for i := range t.Backends {
		out.Backends = append(out.Backends, apiBlamed(&t.Backends[i]))
	}
	for _, r := range t.Routes {
		out.Routes = append(out.Routes, api.BlameRoute{Route: r.Name, Share: r.Share, TailExchanges: r.Exchanges})
	}
	for _, c := range t.Clients {
		name := ""
		if c.Client.IsValid() {
			name = c.Client.String()
		}
		out.Clients = append(out.Clients, api.BlameClient{Client: name, Share: c.Share, TailExchanges: c.Exchanges})
	}
	return out
}

func apiBlamed(b *record.BackendTime) api.BlameBackend {
	out := api.BlameBackend{
		Pool: b.Pool, Backend: b.Backend, Share: b.Share, TailExchanges: b.Exchanges,
		Exchanges: b.All, TailRate: share(b.Slow, b.All), Siblings: b.Siblings, SiblingsTailRate: share(b.SiblingsSlow, b.SiblingsAll),
		MedianMS: maybeMilliseconds(b.Median), SiblingsMedianMS: maybeMilliseconds(b.SiblingsMedian),
	}
	if b.Median > 0 && b.SiblingsMedian > 0 {
		slower := float64(b.Median) / float64(b.SiblingsMedian)
		out.Slower = &slower
	}
	return out
}

// share is n of all; 0 of none.
func share(n, all int) float64 {
	if all == 0 {
		return 0
	}
	return float64(n) / float64(all)
}

// maybeMilliseconds is nil for nothing.
func maybeMilliseconds(d time.Duration) *float64 {
	if d == 0 {
		return nil
	}
	ms := milliseconds(d)
	return &ms
}
