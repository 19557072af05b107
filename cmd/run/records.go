package run

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/engine/record"
	"github.com/isame-lb/isame-lb/pool/end"
)

// errRecorderOff is the answer to all that needs records where there are none.
var errRecorderOff = fmt.Errorf("cannot look at records: %w: nothing is recorded while recorder.enabled is false", ctl.ErrConflict)

// records asks the recorder.
func (p *proxy) records(q *ctl.RecordQuery) (ctl.RecordPage, error) {
	wanted := record.Query{Filter: filterOf(q), Slowest: q.Slowest, Limit: q.Limit, After: q.After}
	found, err := p.engine.Recorder().Find(&wanted)
	var cursor *record.CursorError
	switch {
	case errors.Is(err, record.ErrOff):
		return ctl.RecordPage{}, errRecorderOff
	case errors.As(err, &cursor):
		return ctl.RecordPage{}, api.NewProblem(http.StatusBadRequest, `query parameter "after": `+err.Error())
	case err != nil:
		return ctl.RecordPage{}, err
	}
	page := ctl.RecordPage{Next: found.Next, Since: found.Reach.All, ErrorsSince: found.Reach.Errors}
	for i := range found.Records {
		page.Records = append(page.Records, apiRecord(&found.Records[i]))
	}
	return page, nil
}

// filterOf is which records are wanted.
func filterOf(q *ctl.RecordQuery) record.Filter {
	f := record.Filter{
		ID: q.RequestID, Route: q.Route, Pool: q.Pool, Backend: q.Backend, Errors: q.Errors,
		StatusFrom: q.StatusFrom, StatusTo: q.StatusTo, Method: q.Method, Host: q.Host, Client: q.Client,
		Since: q.Since, Until: q.Until, Slower: q.Slower,
	}
	if q.CauseSet {
		f.Ends = []end.End{q.Cause}
	}
	return f
}

// apiRecord is a record as the admin API shows it.
func apiRecord(v *record.View) api.Record {
	r := api.Record{
		RequestID: v.ID, RequestIDCut: v.IDCut, Started: v.Started, TookMS: milliseconds(v.Took),
		ReadMS: milliseconds(v.Read), AdmitMS: milliseconds(v.Admit),
		BodyWaitMS: milliseconds(v.BodyWait), SendWaitMS: milliseconds(v.SendWait),
		Generation: uint64(v.Generation), Listener: v.Listener, Route: v.Route, Pool: v.Pool,
		Protocol: v.Version.String(), TLS: v.Secure, Tunnel: v.Tunnel,
		Method: v.Method, Host: v.Host, HostCut: v.HostCut, Path: v.Path, PathCut: v.PathCut,
		Status: v.Status, Cause: v.End.Word(), Side: v.End.Side().String(), Phase: v.Phase.String(),
		Meaning: v.End.Text(), Advice: v.End.Advice(),
		Attempts: v.Tried, Hedges: v.Rivals, NoRetry: v.Refusal, BytesIn: v.In, BytesOut: v.Out,
	}
	if v.Client.IsValid() {
		r.Client = v.Client.String()
	}
	for i := range v.Tries {
		t := &v.Tries[i]
		if r.Backend == "" || t.End != end.Outrun {
			r.Backend = t.Backend
		}
		r.Tries = append(r.Tries, api.RecordTry{
			Attempt: t.Place, Backend: t.Backend,
			BeganMS: milliseconds(t.Began), ConnectMS: milliseconds(t.Connect), AnswerMS: milliseconds(t.Answer),
			Reused: t.Reused, ConnectionAgeSeconds: t.Age.Seconds(), IdleMS: milliseconds(t.Idle),
			Hedge: t.Rival, HedgeWon: t.Won, Status: t.Status, Cause: t.End.Word(),
			Trial: t.Breaker&record.BreakerTrial != 0, Breaker: breakerWord(t.Breaker),
		})
	}
	return r
}

// breakerWord says what an attempt has done to a breaker.
func breakerWord(b record.Breaker) string {
	switch {
	case b&record.BreakerOpened != 0:
		return "opened"
	case b&record.BreakerClosed != 0:
		return "closed"
	}
	return ""
}

// milliseconds are those of d, to the microsecond.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
