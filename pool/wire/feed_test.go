package wire

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// headParser is what both heads are to the tests.
type headParser interface {
	parse(raw []byte) (int, error)
	describe() string
}

type requestParser struct {
	h   RequestHead
	lim *Limits
}

func (p *requestParser) parse(raw []byte) (int, error) { return p.h.Parse(raw, p.lim) }

func (p *requestParser) describe() string {
	h := &p.h
	return fmt.Sprintf("%q %q path=%q query=%q nilquery=%v host=%q form=%d minor=%d framing=%d length=%d keep=%v expect=%v upgrade=%v/%q trailers=%v %s",
		h.Method, h.Target, h.Path, h.Query, h.Query == nil, h.Host, h.Form, h.Minor, h.Framing, h.ContentLength,
		h.KeepAlive, h.ExpectContinue, h.UpgradeWanted, h.UpgradeTo, h.AcceptsTrailers, describeFields(&h.Head))
}

type responseParser struct {
	h       ResponseHead
	lim     *Limits
	forHEAD bool
}

func (p *responseParser) parse(raw []byte) (int, error) { return p.h.Parse(raw, p.lim, p.forHEAD) }

func (p *responseParser) describe() string {
	h := &p.h
	return fmt.Sprintf("%d %q minor=%d framing=%d length=%d keep=%v upgrade=%q interim=%v %s", h.Status, h.Reason, h.Minor,
		h.Framing, h.ContentLength, h.KeepAlive, h.UpgradeTo, h.Interim(), describeFields(&h.Head))
}

func describeFields(h *Head) string {
	var b strings.Builder
	for i := range h.Fields {
		f := &h.Fields[i]
		fmt.Fprintf(&b, "[%q:%q %d %v]", h.Name(f), h.FieldValue(f), f.ID, f.Drop)
	}
	return b.String()
}

// outcome is everything a parse of raw says, as one comparable text.
func outcome(p headParser, n int, err error) string {
	if err != nil {
		return "refused: " + causeOf(err)
	}
	if n == 0 {
		return "more"
	}
	return fmt.Sprintf("%d bytes: %s", n, p.describe())
}

func causeOf(err error) string {
	if r := (*Refusal)(nil); errors.As(err, &r) {
		return fmt.Sprintf("%d %s", r.Status, r.Cause)
	}
	return fmt.Sprintf("not a refusal: %v", err)
}

// parseAtOnce gives the parser everything in one piece.
func parseAtOnce(p headParser, raw []byte) string {
	n, err := p.parse(exact(raw))
	return outcome(p, n, err)
}

// parseInSteps gives it ever longer prefixes, each in memory of its own and
// with no spare capacity, until it has an answer.
func parseInSteps(p headParser, raw []byte, step int) string {
	for size := 0; ; size += step {
		size = min(size, len(raw))
		n, err := p.parse(exact(raw[:size]))
		if n != 0 || err != nil || size == len(raw) {
			return outcome(p, n, err)
		}
	}
}

// parseInTwo cuts raw at one place.
func parseInTwo(p headParser, raw []byte, cut int) string {
	if n, err := p.parse(exact(raw[:cut])); n != 0 || err != nil {
		return outcome(p, n, err)
	}
	return parseAtOnce(p, raw)
}

func exact(b []byte) []byte {
	c := make([]byte, len(b))
	copy(c, b)
	return c
}

// parseEveryWay parses raw at once, byte by byte and cut in two at every place,
// insists that all agree, and returns the answer.
func parseEveryWay(t *testing.T, fresh func() headParser, raw string) string {
	t.Helper()
	want := parseAtOnce(fresh(), []byte(raw))
	used := fresh()
	for _, step := range []int{1, 2, 7} {
		if got := parseInSteps(used, []byte(raw), step); got != want {
			t.Errorf("in steps of %d: got %s; want %s, as at once", step, got, want)
		}
		if want == "more" {
			used = fresh()
		}
	}
	for cut := range len(raw) {
		p := fresh()
		if got := parseInTwo(p, []byte(raw), cut); got != want {
			t.Errorf("cut at %d: got %s; want %s, as at once", cut, got, want)
		}
	}
	return want
}

func freshRequest() headParser { return new(requestParser) }

func freshResponse() headParser { return new(responseParser) }
