package stream

import "time"

// Budget bounds the work that a peer causes and that leads to nothing: resets of
// requests under way ("rapid reset", CVE-2023-44487), resets that it makes us send
// ("made you reset", CVE-2025-8671), floods of frames that carry nothing (PING,
// SETTINGS, PRIORITY, empty DATA, CONTINUATION of CVE-2024-27316, types that nobody
// knows), windows that open byte by byte. It is a stock of points: such a frame takes
// some, and time, content that is sent and answers that end bring some back. Browsers
// cancel a hundred requests at once when a page is left; that is within the stock.
type Budget struct {
	points    int
	lastNanos int64
}

const (
	budgetMax    = 2000
	budgetPerSec = 200
	// EarnAnswer is what a finished answer brings.
	EarnAnswer = 40
	// CostReset is a reset, of either side.
	CostReset = 10
	// CostFrame is a frame that carries nothing.
	CostFrame = 1
)

// Begin fills it.
func (b *Budget) Begin(nowNanos int64) { b.points, b.lastNanos = budgetMax, nowNanos }

// Take reports whether there are points left; it looks at the clock only when there
// seem to be none.
func (b *Budget) Take(points int, now func() int64) bool {
	b.points -= points
	if b.points > 0 {
		return true
	}
	nowNanos := now()
	b.Add(int((nowNanos - b.lastNanos) / (int64(time.Second) / budgetPerSec)))
	b.lastNanos = nowNanos
	return b.points > 0
}

// Add brings points back.
func (b *Budget) Add(points int) { b.points = min(b.points+points, budgetMax) }
