package proxies

import (
	"strings"
	"testing"
	"time"
)

// said is what h2load 1.52 prints, without lines that tell nothing.
const said = `starting benchmark...
progress: 100% of clients started
TLS Protocol: TLSv1.3
Application protocol: h2
Warm-up phase is over for thread #0.
Main benchmark duration is started for thread #0.
Main benchmark duration is over for thread #0. Stopping all clients.
Stopped all clients for thread #0

finished in 1.20s, 61178.00 req/s, 3.09MB/s
requests: 61190 total, 61185 started, 61178 done, 61170 succeeded, 8 failed, 3 errored, 1 timeout
status codes: 61170 2xx, 0 3xx, 1 4xx, 4 5xx
traffic: 3.09MB (3242434) total, 2.11MB (2210896) headers (space savings 70.63%), 202.35KB (207204) data
`

func TestCountsOfH2loadAreRead(t *testing.T) {
	calls := ""
	r, err := readH2load(strings.NewReader(said), func() { calls += "begin " }, func() { calls += "end " })
	if err != nil {
		t.Fatal(err)
	}
	bad := r.Unexpected(func(status int) bool { return status == 200 })
	if calls != "begin end " || r.Requests != 61178 || r.Handled != 61178 || r.Errors != 3 || r.Answers["200"] != 61170 || bad != 5 {
		t.Errorf("got %+v, %d bad answers, %q", r, bad, calls)
	}
}

func TestWhatH2loadDoesNotSayIsAnError(t *testing.T) {
	for _, tc := range []struct{ name, old, new, want string }{
		{"no counts", "requests: ", "x", "outcome"},
		{"other counts", "61185 started", "started", "counts"},
		{"other statuses", "0 3xx", "3xx", "statuses"},
		{"never began", "is started", "x", "outcome"},
		{"never ended", "is over for thread #0. Stopping", "x", "outcome"},
		{"too much", "\n\n", strings.Repeat("\n", h2loadLinesMax+1), "lines"},
		{"a long line", "starting", strings.Repeat("x", 1<<17), "too long"},
	} {
		r, err := readH2load(strings.NewReader(strings.Replace(said, tc.old, tc.new, 1)), func() {}, func() {})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, %v; want %q", tc.name, r, err, tc.want)
		}
	}
}

func FuzzReadH2load(f *testing.F) {
	f.Add(said)
	f.Add("requests: 1 total")
	f.Fuzz(func(t *testing.T, text string) {
		began, ended := 0, 0
		r, err := readH2load(strings.NewReader(text), func() { began++ }, func() { ended++ })
		if began > 1 || ended > began {
			t.Errorf("began %d times, ended %d times", began, ended)
		}
		if (r == nil) == (err == nil) || err == nil && ended != 1 {
			t.Errorf("got %v and %v, ended %d times", r, err, ended)
		}
	})
}

func TestDurationsOfH2loadAreWhole(t *testing.T) {
	for d, want := range map[time.Duration]string{800 * time.Millisecond: "800ms", 1500 * time.Millisecond: "1500ms", 0: "1ms"} {
		if got := milliseconds(d); got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
}
