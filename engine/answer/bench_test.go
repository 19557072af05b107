package answer

import (
	"testing"
	"time"
)

// BenchmarkHead renders into memory that is there.
func BenchmarkHead(b *testing.B) {
	var clock Clock
	began := time.Now()
	now := func() []byte { return clock.Date(int64(time.Since(began))) }
	h := parsed(b, "Date: "+date+"\r\nServer: origin\r\nContent-Type: text/plain\r\nContent-Length: 64\r\n")
	out := make([]byte, 0, 4<<10)
	for _, bc := range []struct {
		kind string
		f    func()
	}{
		{"backend", func() {
			End(h.AppendFields(BeginAs(out, h.Status, h.Reason, nil)), Unsized, ConnectionOf(false, true, 1))
		}},
		{"own", func() {
			End(Field(Begin(out, 302, now()), "Location", "/"), Sized(302, 0), ConnectionOf(false, true, 1))
		}},
		{"reject", func() { Busy.Append(out, Options{Date: now(), Connection: Silent}) }},
	} {
		b.Run("kind="+bc.kind, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bc.f()
			}
		})
	}
}
