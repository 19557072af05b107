package cli

import (
	"testing"
	"time"
)

func TestSmallThings(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -999: "-999"} {
		if got := count(n); got != want {
			t.Errorf("count(%d): got %q; want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "now", 119 * time.Second: "119s", 2 * time.Minute: "2m", 119 * time.Minute: "119m", 47 * time.Hour: "47h", 49 * time.Hour: "2d", -time.Hour: "now"} {
		if got := short(d); got != want {
			t.Errorf("short(%v): got %q; want %q", d, got, want)
		}
	}
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"abcd", 1, "…"}, {"abcd", 0, ""}, {"ab cd", 4, "ab…"}, {"äöü", 2, "ä…"}} {
		if got := cut(c.text, c.width); got != c.want {
			t.Errorf("cut(%q, %d): got %q; want %q", c.text, c.width, got, c.want)
		}
	}
}
