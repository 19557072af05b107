package ctl

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// TestWrongTokensAreThrottled: an address may guess so often and no more, also where it
// guesses right; who was right before is not locked out by others at the same address.
func TestWrongTokensAreThrottled(t *testing.T) {
	s := start(t, Options{Tokens: oneOfEach(), MetricsPath: "/metrics", Sources: sampleSources(new([]string))})
	now := time.Now()
	s.now = func() time.Time { return now }
	ask := func(path, secret string) answer {
		t.Helper()
		return raw(t, s, request("GET", path, bearer(secret), ""))
	}
	if got := ask("/metrics", "secret-metrics"); got.status != 200 {
		t.Fatalf("got %d; want 200", got.status)
	}
	for range 3 * loginsFailedMax { // no token is no guess
		if got := raw(t, s, request("GET", "/metrics", "", "")); got.status != 401 {
			t.Fatalf("without a token: got %d; want 401", got.status)
		}
	}
	for i := range loginsFailedMax {
		if got := ask("/metrics", "wrong"); got.status != 401 {
			t.Fatalf("guess %d: got %d; want 401", i+1, got.status)
		}
	}
	for _, secret := range []string{"wrong", "secret-write"} {
		got := ask("/api/v1/status", secret)
		if got.status != 429 || got.header.Get("Retry-After") != "3" || !strings.Contains(got.body, `"code":"rate_limited"`) {
			t.Errorf("one more, %s: got %d %v %s; want 429 and when to try again", secret, got.status, got.header, got.body)
		}
	}
	if got := raw(t, s, request("POST", "/api/v1/session", jsonBody, `{"token":"secret-write"}`)); got.status != 429 {
		t.Errorf("login: got %d; want 429", got.status)
	}
	if got := ask("/metrics", "secret-metrics"); got.status != 200 {
		t.Errorf("who was right before: got %d; want 200", got.status)
	}
	if got := raw(t, s, request("GET", "/ready", bearer("wrong"), "")); got.status != 200 {
		t.Errorf("a public call: got %d; want 200", got.status)
	}
	now = now.Add(loginsFailedPer)
	if got := ask("/api/v1/status", "secret-write"); got.status != 200 {
		t.Errorf("after the wait: got %d; want 200", got.status)
	}
}

// TestChangesAreThrottled makes changes until one is refused, and then asks with another
// token.
func TestChangesAreThrottled(t *testing.T) {
	s := start(t, Options{Tokens: oneOfEach(), Sources: sampleSources(new([]string))})
	now := time.Now()
	s.now = func() time.Time { return now }
	c := dial(t, s)
	br := bufio.NewReader(c)
	change := func(secret string) int {
		t.Helper()
		if _, err := fmt.Fprintf(c, "POST /api/v1/reload HTTP/1.1\r\nHost: localhost\r\n%s\r\n", bearer(secret)); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode == 429 && resp.Header.Get("Retry-After") != "1" {
			t.Errorf("got Retry-After %q; want 1", resp.Header.Get("Retry-After"))
		}
		return resp.StatusCode
	}
	for i := range changesMax {
		if got := change("secret-operate"); got != 200 {
			t.Fatalf("change %d: got %d; want 200", i+1, got)
		}
	}
	for secret, want := range map[string]int{"secret-operate": 429, "secret-write": 200} {
		if got := change(secret); got != want {
			t.Errorf("%s: got %d; want %d", secret, got, want)
		}
	}
	now = now.Add(changesPer)
	if got := change("secret-operate"); got != 200 {
		t.Errorf("later: got %d; want 200", got)
	}
}

// TestThrottleFillsAgain compares a throttle with a bucket of tokens that is counted.
func TestThrottleFillsAgain(t *testing.T) {
	const burst, per = 3, time.Second
	th := newThrottle(burst, per)
	begin := time.Unix(1000, 0)
	for _, c := range []struct {
		at   time.Duration
		wait time.Duration
	}{
		{0, 0},
		{0, 0},
		{0, 0},
		{0, time.Second},
		{500 * time.Millisecond, 500 * time.Millisecond},
		{time.Second, 0},
		{time.Second, time.Second},
		{10 * time.Second, 0},
		{10 * time.Second, 0},
		{10 * time.Second, 0},
		{10 * time.Second, time.Second},
	} {
		now := begin.Add(c.at)
		if got := th.wait("a", now); got != c.wait {
			t.Errorf("at %v: got wait %v; want %v", c.at, got, c.wait)
		}
		if got := th.take("a", now); got != c.wait {
			t.Errorf("at %v: got %v; want %v", c.at, got, c.wait)
		}
		if got := th.wait("b", now); got != 0 {
			t.Errorf("at %v: another key waits %v", c.at, got)
		}
	}
}

func TestClientsAreCountedByAddress(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1:5": "192.0.2.1", "[::ffff:192.0.2.1]:6": "192.0.2.1", "[2001:db8:1:2:3:4:5:6]:7": "2001:db8:1:2::/64",
		"[2001:db8:1:2::1]:8": "2001:db8:1:2::/64", "[fe80::1%eth0]:9": "fe80::/64",
	} {
		a, err := net.ResolveTCPAddr("tcp", text)
		if err != nil {
			t.Fatal(err)
		}
		if got := clientKey(a); got != want {
			t.Errorf("%s: got %q; want %q", text, got, want)
		}
	}
	if got := clientKey(&net.UnixAddr{}); got != "socket" {
		t.Errorf("got %q; want socket", got)
	}
}

// TestShelfIsBounded compares a shelf with a map that is cut by hand.
func TestShelfIsBounded(t *testing.T) {
	begin := time.Unix(1000, 0)
	at := func(s int) time.Time { return begin.Add(time.Duration(s) * time.Second) }
	sh := shelf[int]{max: 3}
	put := func(key string, value, until, now int) { sh.put(key, shelved[int]{value, at(until)}, at(now)) }
	put("a", 1, 10, 0)
	put("b", 2, 5, 0)
	put("c", 3, 20, 0)
	put("c", 4, 20, 0) // takes no room
	if v, ok := sh.get("b", at(4)); !ok || v != 2 {
		t.Errorf("got %d %v; want 2", v, ok)
	}
	put("d", 5, 30, 4) // b would end first
	for key, want := range map[string]int{"a": 1, "b": 0, "c": 4, "d": 5} {
		if v, ok := sh.get(key, at(4)); v != want || ok != (want > 0) {
			t.Errorf("%s: got %d %v; want %d", key, v, ok, want)
		}
	}
	if _, ok := sh.get("a", at(10)); ok {
		t.Error("a is there at its end")
	}
	put("e", 6, 30, 25) // a and c have ended
	if len(sh.kept) != 2 {
		t.Errorf("got %d entries; want what has ended removed", len(sh.kept))
	}
	for i := range 1000 {
		put(string(rune('A'+i)), i, 100+i, 26)
	}
	if len(sh.kept) != 3 {
		t.Errorf("got %d entries; want 3", len(sh.kept))
	}
	sh.drop("nobody")
}

// TestGateForgetsWhoWasRight: the way around the throttle ends, too.
func TestGateForgetsWhoWasRight(t *testing.T) {
	g, now := newGate(), time.Unix(1000, 0)
	token := &knownToken{name: "a", role: api.RoleRead, sum: [32]byte{1}}
	if got := g.try("x", token, true, now); got != 0 {
		t.Fatalf("got %v; want no wait", got)
	}
	now = now.Add(passedTime)
	for range loginsFailedMax {
		g.try("x", &knownToken{}, false, now)
	}
	if got := g.try("x", token, true, now); got == 0 {
		t.Error("got no wait after an hour; want it forgotten")
	}
	if got := g.try("y", token, true, now); got != 0 {
		t.Errorf("another address: got %v; want no wait", got)
	}
}
