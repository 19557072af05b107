package cli

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"github.com/isame-lb/isame-lb/ctl/client"
)

// topOf is top of a fake process, one second after its first look.
func topOf(t *testing.T, p *proxy) *top {
	t.Helper()
	cl, err := client.New(client.Options{Admin: p.url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	first, err := takeLook(t.Context(), cl)
	if err != nil {
		t.Fatal(err)
	}
	m := newTop(t.Context(), cl, first, time.Second)
	second, err := takeLook(t.Context(), cl)
	if err != nil {
		t.Fatal(err)
	}
	second.at = first.at.Add(time.Second)
	second.routes[0].Requests += 150
	second.pools[0].Backends[0].Requests += 20
	second.pools[0].Backends[0].Failures += 2
	m.Update(topLooked{second, nil})
	return m
}

// press sends keys, and runs what they lead to.
func (m *top) press(keys ...string) {
	for _, key := range keys {
		code, _ := utf8.DecodeRuneInString(key)
		msg := tea.KeyPressMsg{Text: key, Code: code}
		if key == "tab" {
			msg = tea.KeyPressMsg{Code: tea.KeyTab}
		}
		if _, cmd := m.Update(msg); cmd != nil {
			m.Update(cmd())
		}
	}
}

func TestTopShowsWhatCameInBetween(t *testing.T) {
	m := topOf(t, startProxy(t, ""))
	for _, size := range []struct{ width, height int }{{80, 24}, {200, 50}, {60, 12}} {
		m.Update(tea.WindowSizeMsg{Width: size.width, Height: size.height})
		for i, wants := range [][]string{
			{"[1 routes]", "api", "150"},
			{"[2 pools]", "api", "2/4"},
			{"[3 backends]", "10.0.0.1:8080", "20.0", "2.0", "DRAIN"},
			{"[4 clients]", "192.0.2.7", "125 %"},
		} {
			m.press(string(rune('1' + i)))
			text := m.View().Content
			for _, want := range wants {
				if !strings.Contains(text, want) {
					t.Errorf("%d columns: want %q in\n%s", size.width, want, text)
				}
			}
			lines := strings.Split(text, "\n")
			if len(lines) > size.height {
				t.Errorf("%d lines on a screen of %d", len(lines), size.height)
			}
			for _, line := range lines {
				if len([]rune(line)) > size.width {
					t.Errorf("%d columns: %q is wider", size.width, line)
				}
			}
		}
	}
}

func TestTopAsksBeforeItChanges(t *testing.T) {
	p := startProxy(t, "")
	m := topOf(t, p)
	m.press("d")
	if !strings.Contains(m.View().Content, "choose a backend first") {
		t.Errorf("got\n%s", m.View().Content)
	}
	m.press("3", "d")
	if want := "drain 10.0.0.1:8080 of pool api? y/n"; !strings.Contains(m.View().Content, want) {
		t.Fatalf("want %q in\n%s", want, m.View().Content)
	}
	m.press("n")
	if strings.Contains(p.states(), "10.0.0.1:8080 drain") {
		t.Error("drained although the answer was no")
	}
	m.press("d", "y")
	if !strings.Contains(p.states(), "10.0.0.1:8080 drain") || !strings.Contains(m.View().Content, "10.0.0.1:8080 of pool api: drain") {
		t.Errorf("got %s\n%s", p.states(), m.View().Content)
	}
	m.press("e", "y")
	if !strings.Contains(p.states(), "10.0.0.1:8080 enabled") {
		t.Errorf("got %s", p.states())
	}
}

func TestTopSorts(t *testing.T) {
	m := topOf(t, startProxy(t, ""))
	names := func() string {
		var all []string
		for _, r := range m.rows {
			all = append(all, r.cells[0].text)
		}
		return strings.Join(all, " ")
	}
	if got := names(); got != "api old ping rest" {
		t.Errorf("by rate: got %s", got)
	}
	m.press("r")
	if got := names(); !strings.HasSuffix(got, "api") {
		t.Errorf("reversed: got %s", got)
	}
	m.press("r", "s", "s", "s", "s")
	if got := names(); got != "api rest old ping" {
		t.Errorf("by requests: got %s", got)
	}
}

func TestTopSaysThatNobodyAnswers(t *testing.T) {
	m := topOf(t, startProxy(t, ""))
	m.Update(topLooked{nil, context.DeadlineExceeded})
	if text := m.View().Content; !strings.Contains(text, "not answered since") || !strings.Contains(text, "api") {
		t.Errorf("got\n%s\nwant what was seen before, and why there is nothing new", text)
	}
}

func TestTopNeedsATerminal(t *testing.T) {
	if o := run(startProxy(t, ""), nil, "top"); o.code != ExitUsage || !strings.Contains(o.stderr, "needs a terminal") {
		t.Errorf("got exit %d, %s; want 2", o.code, o.stderr)
	}
}

func TestQuantiles(t *testing.T) {
	inf := math.Inf(1)
	was := map[float64]uint64{0.001: 10, 0.01: 10, inf: 10}
	for _, c := range []struct {
		name     string
		now      map[float64]uint64
		p50, p99 float64
	}{
		{"nothing came", was, math.NaN(), math.NaN()},
		{"one bucket", map[float64]uint64{0.001: 110, 0.01: 110, inf: 110}, 0.0005, 0.00099},
		{"two buckets", map[float64]uint64{0.001: 60, 0.01: 110, inf: 110}, 0.001, 0.00982},
		{"above all", map[float64]uint64{0.001: 10, 0.01: 10, inf: 20}, 0.01, 0.01},
	} {
		p50, p99 := quantiles(was, c.now)
		if !near(p50, c.p50) || !near(p99, c.p99) {
			t.Errorf("%s: got %v and %v; want %v and %v", c.name, p50, p99, c.p50, c.p99)
		}
	}
}

func near(a, b float64) bool {
	return math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) < 1e-9
}
