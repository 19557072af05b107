package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/pool"
)

func splitOnText(a []string, weights, on string) string {
	return `
listeners: {web: {address: "127.0.0.1:0", trusted_proxies: [127.0.0.1]}}
routes: {all: {split: {` + weights + `}, split_on: "` + on + `"}}
pools:
  p: {backends: [{address: "` + a[0] + `"}]}
  q: {backends: [{address: "` + a[1] + `"}]}
  z: {backends: [{address: "` + a[2] + `"}]}
shutdown: {drain: 5s}
`
}

// poolsOf asks once for each of many clients, who are told by a field line, and returns the
// pool of each.
func (c *client) poolsOf(line string) string {
	c.t.Helper()
	var all strings.Builder
	for i := range 300 {
		renew(c)
		c.send("GET / HTTP/1.1\r\nHost: t\r\n" + fmt.Sprintf(line, i) + "\r\n\r\n")
		all.WriteString(c.receive("GET").body)
	}
	return all.String()
}

// differences counts the clients that have another pool.
func differences(a, b string) (n int) {
	for i := range len(a) {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

// A client stays in its pool without a cookie; other weights move as few as they have to,
// and a pool that has nobody lends its clients out and gets them back.
func TestSplitOnKeepsClients(t *testing.T) {
	a := numbered(t, 3)
	for on, line := range map[string]string{
		"header:X-User": "X-User: u%d", "cookie:session": "Cookie: x=1; session=s%d", "source_ip": "X-Forwarded-For: 10.0.%[1]d.%[1]d",
	} {
		r := start(t, splitOnText(a, "p: 50, q: 50, z: 0", on), "")
		c := r.dial()
		before := c.poolsOf(line)
		if n := strings.Count(before, "0"); n < 100 || n > 200 || strings.Contains(before, "2") {
			t.Errorf("%s: %d of 300 are in p; want about half, and none in z", on, n)
		}
		if n := differences(before, c.poolsOf(line)); n != 0 {
			t.Errorf("%s: %d clients have another pool the second time", on, n)
		}
		r.apply(splitOnText(a, "p: 50, q: 25, z: 0", on), "") // 1/2 to 2/3: a sixth moves, to p
		after := c.poolsOf(line)
		for i := range len(before) {
			if before[i] == '0' && after[i] != '0' {
				t.Errorf("%s: a client has moved away from the pool whose share has grown", on)
				break
			}
		}
		if n := differences(before, after); n < 20 || n > 90 {
			t.Errorf("%s: %d of 300 clients have moved; want about 50", on, n)
		}
		if err := r.engine.PoolSet().Pool("q").Ask(a[1], pool.Wish{State: pool.Drain}); err != nil {
			t.Fatal(err)
		}
		if lent := c.poolsOf(line); strings.Contains(lent, "1") {
			t.Errorf("%s: a pool with nobody gets requests", on)
		}
		if err := r.engine.PoolSet().Pool("q").Ask(a[1], pool.Wish{State: pool.Enabled}); err != nil {
			t.Fatal(err)
		}
		if n := differences(after, c.poolsOf(line)); n != 0 {
			t.Errorf("%s: %d clients are not back", on, n)
		}
	}
}

// Requests that do not say who they are from are shared at random: they are not one client.
func TestSplitOnWithoutTheKey(t *testing.T) {
	a := numbered(t, 3)
	r := start(t, splitOnText(a, "p: 50, q: 50, z: 0", "cookie:session"), "")
	if n := strings.Count(r.dial().poolsOf("X-N: %d"), "0"); n < 100 || n > 200 {
		t.Errorf("%d of 300 without the cookie are in p; want about half", n)
	}
}
