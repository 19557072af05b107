package http2

import "time"

// budget bounds the work that a peer causes and that leads to nothing: resets of
// requests under way ("rapid reset", CVE-2023-44487), resets that it makes us send
// ("made you reset", CVE-2025-8671), floods of PING, SETTINGS, PRIORITY, empty DATA,
// CONTINUATION (CVE-2024-27316), windows that open byte by byte. It is a stock of
// points: such a frame takes some, and time, content that is sent and answers that
// end bring some back. Browsers cancel a hundred requests at once when a page is left;
// that is within the stock.
type budget struct {
	points    int
	lastNanos int64
}

const (
	budgetMax    = 2000
	budgetPerSec = 200
	// earnAnswer is what a finished answer brings, and earnData a frame of content:
	// clients answer one with two updates of windows. Frames that windows make smaller
	// than smallData earn it together, once they hold as much: h2load -w 8 has windows of
	// 255 bytes, half of which it gives back at a time, and windows of less than
	// smallData are used for nothing but attacks.
	earnAnswer = 40
	earnData   = 2 * costFrame
	smallData  = 64
	// costReset is a reset, of either side.
	costReset = 10
	// costFrame is a frame that carries nothing.
	costFrame = 1
	// costSettings is a SETTINGS frame: all streams are looked at, and it is answered.
	costSettings = 20
)

func (b *budget) begin(nowNanos int64) { b.points, b.lastNanos = budgetMax, nowNanos }

// take reports whether there are points left; it looks at the clock only when there
// seem to be none.
func (b *budget) take(points int, now func() int64) bool {
	b.points -= points
	if b.points > 0 {
		return true
	}
	nowNanos := now()
	b.add(int((nowNanos - b.lastNanos) / (int64(time.Second) / budgetPerSec)))
	b.lastNanos = nowNanos
	return b.points > 0
}

func (b *budget) add(points int) { b.points = min(b.points+points, budgetMax) }
