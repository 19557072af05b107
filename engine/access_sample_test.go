package engine

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestAccessLogTakesASampleAndWhatIsSlow counts the lines of 400 quick requests and of
// one that takes 60 ms. A request that is logged in any case, after a reload, comes
// behind all of them.
func TestAccessLogTakesASampleAndWhatIsSlow(t *testing.T) {
	const quick = 400
	address := backend(t, func(http.ResponseWriter, *http.Request) {
		done := time.NewTimer(60 * time.Millisecond)
		<-done.C
	})
	routes := `quick: {path: /quick, respond: {status: 200, body: "here"}}, all: {pool: p}`
	for _, tc := range []struct {
		access   string
		min, max int   // of the quick ones
		slow     []int // how often the slow one may be logged
	}{
		{"sample: 1", quick, quick, []int{1}},
		{"sample: 0", 0, 0, []int{0}},
		{"sample: 0, slow: 0s", 0, 0, []int{0}},
		{"sample: 0, slow: 1h", 0, 0, []int{0}},
		{"sample: 0, slow: 60ms", 0, quick, []int{1}}, // how many of the others are slow is the machine's matter
		{"sample: 0, slow: 1ns", quick, quick, []int{1}},
		{"sample: 0.25, slow: 10s", 50, 150, []int{0, 1}}, // 100, give or take 8.7
		{"sample: 0.75, slow: 60ms", 250, quick, []int{1}},
	} {
		t.Run(tc.access, func(t *testing.T) {
			var log lockedBuffer
			text := accessText(accessPlain, routes, accessPool)
			r := startLogged(t, &log, strings.Replace(text, "enabled: true", "enabled: true, "+tc.access, 1), address)
			c := r.dial()
			for range quick {
				c.get("/quick")
			}
			c.get("/slow")
			r.apply(text, address)
			c.get("/last")
			lines := map[any]int{}
			eventually(t, func() string { return "the last line" }, func() bool {
				clear(lines)
				for _, line := range accessLines(t, &log) {
					lines[line["target"]]++
				}
				return lines["/last"] == 1
			})
			if n := lines["/quick"]; n < tc.min || n > tc.max {
				t.Errorf("%d of %d quick ones are logged; want %d to %d", n, quick, tc.min, tc.max)
			}
			if got := lines["/slow"]; !slices.Contains(tc.slow, got) {
				t.Errorf("the slow one is logged %d times; want %v", got, tc.slow)
			}
		})
	}
}
