package retry

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
)

// policy is the usual section, with three attempts.
func policy(edit func(c *config.Retry)) Policy {
	c := config.Retry{
		Attempts: 3, On: []string{"connect_failure", "reset", "timeout", "502", "503"}, Methods: []string{"GET", "PUT"},
		Backoff: config.Backoff{Initial: 10 * time.Millisecond, Max: time.Second, Factor: 2, Jitter: 0.5},
		Budget:  config.Budget{Percent: 20, MinPerSecond: 10},
	}
	if edit != nil {
		edit(&c)
	}
	return New(&c, new(Counts))
}

func TestCauseOfARetry(t *testing.T) {
	for _, c := range []struct {
		name string
		on   string // instead of the usual causes
		a    Attempt
		want Cause
	}{
		{"refused", "", Attempt{Outcome: attempt.ConnectRefused, Made: 1}, CauseConnect},
		{"refused, no attempt left", "", Attempt{Outcome: attempt.ConnectRefused, Made: 3, Safe: true}, CauseNone},
		{"refused, not asked for", "reset", Attempt{Outcome: attempt.ConnectRefused, Made: 1, Safe: true}, CauseNone},
		{"no free connection", "", Attempt{Outcome: attempt.NoFreeConn, Made: 2}, CauseConnect},
		{"reused died", "", Attempt{Outcome: attempt.ReusedDied, Made: 1, Safe: true}, CauseReused},
		{"reused died, whatever is asked for", "502", Attempt{Outcome: attempt.ReusedDied, Made: 1, Safe: true}, CauseReused},
		{"reused died, it costs no attempt", "", Attempt{Outcome: attempt.ReusedDied, Made: 3, Safe: true}, CauseReused},
		{"reused died, a second time", "", Attempt{Outcome: attempt.ReusedDied, Made: 1, Safe: true, Again: true}, CauseNone},
		{"reused died, may have been received", "", Attempt{Outcome: attempt.ReusedDied, Made: 1}, CauseNone},
		{"reused died, never received", "", Attempt{Outcome: attempt.ReusedNeverReceived, Made: 1}, CauseReused},
		{"never received, a second time", "", Attempt{Outcome: attempt.ReusedNeverReceived, Made: 1, Again: true}, CauseNone},
		{"reset", "", Attempt{Outcome: attempt.Reset, Made: 1, Safe: true}, CauseReset},
		{"reset, not to be repeated", "", Attempt{Outcome: attempt.Reset, Made: 1}, CauseNone},
		{"reset within an answer", "", Attempt{Outcome: attempt.Reset, Made: 1, Safe: true, Touched: true}, CauseReset},
		{"reset, not asked for", "timeout", Attempt{Outcome: attempt.Reset, Made: 1, Safe: true}, CauseNone},
		{"timeout", "", Attempt{Outcome: attempt.Timeout, Made: 2, Safe: true}, CauseTimeout},
		{"timeout, no attempt left", "", Attempt{Outcome: attempt.Timeout, Made: 3, Safe: true}, CauseNone},
		{"timeout, not to be repeated", "", Attempt{Outcome: attempt.Timeout, Made: 1}, CauseNone},
		{"broken answer", "", Attempt{Outcome: attempt.BadResponse, Made: 1, Safe: true}, CauseNone},
		{"cut short", "", Attempt{Outcome: attempt.Truncated, Made: 1, Safe: true}, CauseNone},
		{"client gone", "", Attempt{Outcome: attempt.ClientGone, Made: 1, Safe: true}, CauseNone},
		{"status", "", Attempt{Outcome: attempt.OK, Made: 1, Safe: true}, CauseStatus},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := policy(func(section *config.Retry) {
				if c.on != "" {
					section.On = []string{c.on}
				}
			})
			if got := p.Cause(c.a); got != c.want {
				t.Errorf("got %q; want %q", got, c.want)
			}
		})
	}
}

// Without a section an answer that has begun is not asked for again.
func TestResetWithinAnAnswerIsRetriedBySectionOnly(t *testing.T) {
	for _, unasked := range []bool{false, true} {
		for _, touched := range []bool{false, true} {
			p := policy(func(c *config.Retry) { c.Default = unasked })
			want := CauseReset
			if unasked && touched {
				want = CauseNone
			}
			if got := p.Cause(Attempt{Outcome: attempt.Reset, Made: 1, Safe: true, Touched: touched}); got != want {
				t.Errorf("without a section %v, touched %v: got %q; want %q", unasked, touched, got, want)
			}
		}
	}
}

func TestStatusOfTheSection(t *testing.T) {
	p := policy(nil)
	for _, c := range []struct {
		status, attempts int
		want             bool
	}{{502, 1, true}, {503, 2, true}, {503, 3, false}, {504, 1, false}, {200, 1, false}} {
		if got := p.Status(c.status, c.attempts); got != c.want {
			t.Errorf("%d after %d attempts: got %v; want %v", c.status, c.attempts, got, c.want)
		}
	}
	none := policy(func(c *config.Retry) { c.On = []string{"reset"} })
	if none.Status(503, 1) {
		t.Error("503 is asked for again by a section that names no status")
	}
}

func TestSafeRequestsOfTheSection(t *testing.T) {
	for _, c := range []struct {
		method       string
		byKey, keyed bool
		want         bool
	}{
		{"GET", false, false, true},
		{"PUT", false, false, true},
		{"get", false, false, false},
		{"POST", false, false, false},
		{"POST", false, true, false},
		{"POST", true, false, false},
		{"POST", true, true, true},
	} {
		p := policy(func(section *config.Retry) { section.IdempotencyKey = c.byKey })
		if got := p.Safe([]byte(c.method), c.keyed); got != c.want {
			t.Errorf("%s, option %v, key %v: got %v; want %v", c.method, c.byKey, c.keyed, got, c.want)
		}
	}
}

// The words are labels of metrics: each once, and none but that of the zero value empty.
func TestLabels(t *testing.T) {
	var labels []string
	for c := CauseNone + 1; c < Causes; c++ {
		labels = append(labels, c.String())
	}
	for f := RefusalNone + 1; f < Refusals; f++ {
		labels = append(labels, f.String())
	}
	const want = "connect_failure reused_connection reset timeout status hedge body budget deadline"
	if got := strings.Join(labels, " "); got != want || CauseNone.String()+RefusalNone.String() != "" {
		t.Errorf("got %q and %q; want %q", got, fmt.Sprint(CauseNone, RefusalNone), want)
	}
}
