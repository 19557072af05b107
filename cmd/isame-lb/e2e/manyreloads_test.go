package e2e

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// manyReloads is how many there are in a row when ISAME_RELOADS is not set.
const manyReloads = 20

// largeConfig has 1,000 routes and 100 pools, of which n changes a route, a pool, a stage and
// a listener.
func largeConfig(n int, backend string) string {
	var b strings.Builder
	b.WriteString(strings.Replace(header, "listeners: {", fmt.Sprintf("listeners: {extra: {address: \"127.0.0.1:0\", limits: {header_bytes: %dKiB}}, ", 16+n%2), 1))
	fmt.Fprintf(&b, "recorder: {records: 1024, keep_errors: 256, keep_slow: 256}\nmiddleware: {mark: {type: headers, response: {set: {X-N: \"%d\"}}}}\nroutes:\n", n)
	b.WriteString("  all: {pool: p0, middleware: [mark], timeout: 15s, retry: {attempts: 3}}\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "  r%d: {hosts: [h%d.test], path_prefix: /p%d, pool: p%d, timeout: %ds}\n", i, i%50, i, i%100, 5+(n+i)%1000/999)
	}
	b.WriteString("pools:\n")
	for i := range 100 {
		fmt.Fprintf(&b, "  p%d: {connections: {max: %d}, backends: [{address: %q}]}\n", i, 100+(n+i)%100/99, backend)
	}
	return b.String()
}

// TestManyReloadsLeaveNothingBehind reloads a large configuration again and again under load,
// ISAME_RELOADS times in a row (make reloads): heap, goroutines and descriptors are as before,
// and no exchange fails.
func TestManyReloadsLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	rounds := manyReloads
	if text := os.Getenv("ISAME_RELOADS"); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil {
			t.Fatalf("ISAME_RELOADS: %v", err)
		}
	}
	b := newBackend(t, nil)
	p := start(t, largeConfig(0, b.address))
	stopLoad := startLoad(t, soakExchange(p.url("")))
	apply := func(n int) {
		p.put("", largeConfig(n, b.address), "If-Match", "*").wantStatus(t, 200)
	}
	for n := range 20 {
		apply(n + 1)
	}
	before := settled(t, p, soakSettle/10)
	began := time.Now()
	for n := range rounds {
		apply(n)
	}
	took := time.Since(began)
	stopLoad()
	var after usage
	eventually(t, "the process is as large as before", func() string {
		after = measure(p)
		if after.goroutines > before.goroutines+10 || after.descriptors > before.descriptors+10 || after.heapBytes > before.heapBytes*1.2 {
			return fmt.Sprintf("%+v, and %+v before", after, before)
		}
		return ""
	})
	t.Logf("%d reloads in %v: before %+v, after %+v", rounds, took.Round(time.Millisecond), before, after)
	if got := p.metric("isame_config_generation"); got < float64(rounds) {
		t.Errorf("generation %v after %d changes", got, rounds)
	}
}
