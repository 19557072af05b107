//go:build !race

package answer

import (
	"errors"
	"testing"

	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/wire"
)

func TestRenderingDoesNotAllocate(t *testing.T) {
	var clock Clock
	h := parsed(t, "Server: origin\r\nContent-Type: text/plain\r\nContent-Length: 64\r\n")
	line, out := AltSvc(443), make([]byte, 0, 4<<10)
	for _, tc := range []struct {
		name string
		f    func()
	}{
		{"a backend's head", func() {
			b := h.AppendFields(BeginAs(out, h.Status, h.Reason, clock.Date(1)))
			out = End(AppendAltSvc(b, line, &h.Head), Unsized, ConnectionOf(false, true, 1))[:0]
		}},
		{"our own head", func() {
			b := Field(Begin(out, 200, clock.Date(1)), "Content-Type", "text/plain")
			out = End(b, Sized(200, 64), ConnectionOf(false, false, 1))[:0]
		}},
		{"a problem", func() { out = ForOutcome(attempt.Timeout).Append(out, Options{Date: clock.Date(1)})[:0] }},
		{"a page", func() { out = ForShed(pool.ShedFull).Append(out, Options{Form: Page, ToHEAD: true})[:0] }},
		{"a call", func() { out = NoRoute.Append(out, Options{Form: Call, Connection: Silent})[:0] }},
		{"a refused head", func() { out = ForError(wire.ErrMissingHost).Append(out, Options{})[:0] }},
		{"no refusal", func() { out = ForError(errAny).Append(out, Options{})[:0] }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.f()
			if n := testing.AllocsPerRun(200, tc.f); n != 0 {
				t.Errorf("%v allocations; want 0", n)
			}
		})
	}
}

var errAny = errors.New("anything")
