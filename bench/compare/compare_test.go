package compare

import (
	"io"
	"iter"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/bench/load"
)

func TestMedian(t *testing.T) {
	for _, tc := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{3, 1}, 2}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 3, 2}, 2.5}} {
		if got := Median(tc.values); got != tc.want {
			t.Errorf("%v: got %v; want %v", tc.values, got, tc.want)
		}
	}
}

// TestCompareInterval checks against a worked example: logarithms of the ratios
// with mean ln 1.1 and deviation 0.1 over 5 pairs, t(4) = 2.776.
func TestCompareInterval(t *testing.T) {
	a, b := make([]float64, 5), make([]float64, 5)
	for i, d := range []float64{-1, -1, 0, 1, 1} {
		a[i] = 10 * float64(i+1) // what disturbs both sides of a pair cancels out
		b[i] = a[i] * 1.1 * math.Exp(d*0.1)
	}
	got := Compare(a, b)
	half := 2.776 * 0.1 / math.Sqrt(5)
	for name, pair := range map[string][2]float64{
		"value": {got.Value, 1.1},
		"low":   {got.Low, 1.1 * math.Exp(-half)},
		"high":  {got.High, 1.1 * math.Exp(half)},
	} {
		if math.Abs(pair[0]-pair[1]) > 1e-9 {
			t.Errorf("%s: got %v; want %v", name, pair[0], pair[1])
		}
	}
	if got.Differs() {
		t.Error("1 lies in the interval")
	}
}

func TestCompareCornerCases(t *testing.T) {
	if r := Compare([]float64{1, 2}, []float64{2, 4}); r.Value != 2 || r.High != 0 || r.Differs() {
		t.Errorf("two pairs: got %+v; want 2 without an interval", r)
	}
	if r := Compare(nil, nil); r != (Ratio{}) || r.String() != "-" {
		t.Errorf("no pairs: got %+v", r)
	}
	if r := Compare([]float64{0, 1, 1, 1}, []float64{1, 3, 3, 3}); math.Abs(r.Value-3) > 1e-9 || !r.Differs() {
		t.Errorf("got %+v; want 3, the pair with a 0 left out", r)
	}
	for freedom, want := range map[int]float64{1: 12.706, 10: 2.228, 11: 2.201, 20: 2.086, 120: 1.980} {
		if got := studentT(freedom); math.Abs(got-want) > 0.002*want {
			t.Errorf("t(%d): got %.4f; want %.3f", freedom, got, want)
		}
	}
}

func TestReadUsageSeesDescendants(t *testing.T) {
	// The shell's child burns CPU time and lives until its stdin ends.
	cmd := exec.Command("sh", "-c", "sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done; cat'; true")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = cmd.Process.Kill(); _ = cmd.Wait() })
	before, err := ReadUsage(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	after, err := ReadUsage(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if used := after.CPUSince(before); used < 5*time.Millisecond || used > 30*time.Second {
		t.Errorf("got %s; want the CPU time of the grandchild's loop", used)
	}
	if after.RSS <= 0 {
		t.Errorf("got %d bytes resident", after.RSS)
	}
	if _, err := ReadUsage(1 << 30); err == nil {
		t.Error("a process that does not exist must be an error")
	}
}

func TestCPUSinceFallsBackToTicks(t *testing.T) {
	before := Usage{ticks: time.Second, tasks: map[int]time.Duration{1: 5, 2: 7}}
	for _, tc := range []struct {
		name  string
		after Usage
		want  time.Duration
	}{
		{"exact", Usage{ticks: 2 * time.Second, tasks: map[int]time.Duration{1: 6, 2: 9, 3: 4}}, 7},
		{"thread ended", Usage{ticks: 2 * time.Second, tasks: map[int]time.Duration{1: 6}}, time.Second},
		{"no schedstat", Usage{ticks: 2 * time.Second, tasks: map[int]time.Duration{1: 5, 2: 7}}, time.Second},
	} {
		if got := tc.after.CPUSince(before); got != tc.want {
			t.Errorf("%s: got %s; want %s", tc.name, got, tc.want)
		}
	}
}

// joinThrees joins each three words.
func joinThrees(words []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for c := range slices.Chunk(words, 3) {
			if !yield(strings.Join(c, " ")) {
				return
			}
		}
	}
}

func TestRunInterleavesRounds(t *testing.T) {
	server := func(wait time.Duration) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			<-time.After(wait)
			w.WriteHeader(http.StatusOK)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	var order []string
	c, err := Run(t.Context(), Options{
		A: Target{Name: "fast", URL: server(0), PID: os.Getpid()}, B: Target{Name: "slow", URL: server(50 * time.Millisecond), PID: os.Getpid()},
		Direct: Target{Name: "direct", URL: server(0)}, Rounds: 3, Plan: load.Plan{Connections: 2, Count: 10},
		Each: func(_ int, t Target, _ *load.Result) { order = append(order, t.Name) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(slices.Collect(joinThrees(order)), ", "), "fast slow direct, direct slow fast, fast slow direct"; got != want {
		t.Errorf("got order %s; want %s", got, want)
	}
	if len(c.A.P50) != 3 || Median(c.B.P50) < 50e3 || c.Direct == nil || c.CPU == nil || Median(c.A.CPU) <= 0 {
		t.Errorf("got %+v", c)
	}
	var table strings.Builder
	if err := Table(&table, c); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"requests/s", "p99 added by the proxy", "CPU us a request", "fast", "slow"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, table.String())
		}
	}
	if _, err := Run(t.Context(), Options{}); err == nil {
		t.Error("no rounds must be refused")
	}
}
