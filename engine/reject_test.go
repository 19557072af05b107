package engine

import (
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/pool"
)

// Whoever is answered by the proxy because of its backends is told why in words: they
// are also all that a client of gRPC shows.
func TestAnswersSayWhatIsWrongWithBackends(t *testing.T) {
	for o, r := range outcomeRejects {
		if o := pool.Outcome(o); o.Status() >= 500 && o != pool.Pending && r.detail == fasthttp.StatusMessage(o.Status())+"." {
			t.Errorf("%v: got %q; want more than the status", o, r.detail)
		}
	}
	for _, cause := range []pool.End{pool.EndOK, pool.EndNoBackends, pool.EndNoBackendEnabled, pool.EndNoHealthyBackend, pool.EndCircuitOpen} {
		if r := rejectUnavailable(cause, 0); r.detail == fasthttp.StatusMessage(r.status)+"." {
			t.Errorf("%s: got %q; want more than the status", cause, r.detail)
		}
	}
}
