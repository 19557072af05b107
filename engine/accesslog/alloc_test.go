//go:build !race

package accesslog

import "testing"

func TestLineDoesNotAllocate(t *testing.T) {
	e := usualEntry(t)
	forged := hostileEntry([]byte("?token=\"\n\xff"))
	dst := make([]byte, 0, 64<<10)
	for _, format := range []string{"json", "logfmt", "combined"} {
		fields := everyField()
		if format == "combined" {
			fields = nil
		}
		p := program(format, redactedByDefault, fields...)
		for _, e := range []*Entry{e, forged} {
			if n := testing.AllocsPerRun(200, func() { dst = p.Append(dst[:0], e)[:0] }); n != 0 {
				t.Errorf("%s: %v allocations; want 0", format, n)
			}
		}
	}
}
