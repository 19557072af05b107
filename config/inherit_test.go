package config

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

const inheriting = `listeners: {web: {address: ":8080"}}
defaults:
  timeout: 10s
  retry: {attempts: 4, on: ["503"], backoff: {max: 2s}}
  timeouts: {read: 5m, connect: 1s}
routes:
  nothing: {pool: p}
  some: {path: /some, pool: p, timeout: 0s, retry: {attempts: 1, backoff: {initial: 20ms}}}
  all: {path: /all, split: {p: 1}, retry: {on: [reset], attempts: 2, backoff: {max: 3s}}}
  to: {path: /to, redirect: {to: /}}
pools:
  p: {backends: []}
  q: {backends: [], timeouts: {read: 0s}}
`

func TestDefaultsAreInherited(t *testing.T) {
	loaded := taken(t, Options{File: "isame.yaml", Data: []byte(inheriting)})
	c := loaded.Config
	told := func(r Route) string {
		return fmt.Sprint(r.Timeout, r.Retry.Attempts, r.Retry.On, r.Retry.Backoff.Initial, r.Retry.Backoff.Max, r.Retry.Budget.Percent)
	}
	for name, want := range map[string]string{
		"nothing": "10s 4 [503] 10ms 2s 20",
		"some":    "0s 1 [503] 20ms 2s 20",
		"all":     "10s 2 [reset] 10ms 3s 20",
		"to":      "10s 2 [connect_failure reset] 10ms 1s 20", // it repeats nothing
	} {
		if got := told(c.Routes[name]); got != want {
			t.Errorf("%s: got %s; want %s", name, got, want)
		}
	}
	p, q := c.Pools["p"].Timeouts, c.Pools["q"].Timeouts
	if want := (PoolTimeouts{Connect: time.Second, Read: 5 * time.Minute, Write: time.Minute, Tunnel: time.Hour}); p != want {
		t.Errorf("got %+v; want %+v", p, want)
	}
	if q.Read != 0 || q.Connect != time.Second {
		t.Errorf("got %+v; want its own read and the connect of defaults", q)
	}
	for path, want := range map[string]string{
		"routes.nothing.timeout":          "isame.yaml:3:12",
		"routes.nothing.retry.on[0]":      "isame.yaml:4:29",
		"routes.some.retry.attempts":      "isame.yaml:8:63",
		"routes.some.retry.backoff.max":   "isame.yaml:4:52",
		"routes.to.retry.attempts":        "default",
		"pools.p.timeouts.read":           "isame.yaml:5:20",
		"pools.p.timeouts.write":          "default",
		"pools.q.timeouts.connect":        "isame.yaml:5:33",
		"routes.all.retry.backoff.max":    "isame.yaml:9:85",
		"routes.all.retry.backoff.jitter": "default",
	} {
		if got := loaded.Origin(path).String(); got != want {
			t.Errorf("%s: got origin %s; want %s", path, got, want)
		}
	}
	if len(loaded.Warnings) != 0 {
		t.Errorf("got %v; want no warning", loaded.Warnings)
	}
	for _, format := range []string{"yaml", "json"} {
		roundTrip(t, loaded, format, nil)
	}
}

// TestEveryKeyOfDefaultsIsInherited changes each key by itself.
func TestEveryKeyOfDefaultsIsInherited(t *testing.T) {
	text := "listeners: {web: {address: ':8080'}}\nroutes: {r: {pool: p}}\npools: {p: {backends: []}}\n"
	for assignment, want := range map[string]string{
		"defaults.timeout=7s":                    "7s",
		"defaults.retry.attempts=7":              "7",
		"defaults.retry.on=reset":                "reset",
		"defaults.retry.methods=GET":             "GET",
		"defaults.retry.idempotency_key=true":    "true",
		"defaults.retry.per_try_timeout=7s":      "7s",
		"defaults.retry.backoff.initial=7ms":     "7ms",
		"defaults.retry.backoff.max=7s":          "7s",
		"defaults.retry.backoff.factor=7":        "7",
		"defaults.retry.backoff.jitter=0.7":      "0.7",
		"defaults.retry.budget.percent=7":        "7",
		"defaults.retry.budget.min_per_second=7": "7",
		"defaults.timeouts.connect=7s":           "7s",
		"defaults.timeouts.read=7s":              "7s",
		"defaults.timeouts.write=7s":             "7s",
		"defaults.timeouts.tunnel=7s":            "7s",
	} {
		key, _, _ := strings.Cut(strings.TrimPrefix(assignment, "defaults."), "=")
		heir := "routes.r." + key
		if strings.HasPrefix(key, "timeouts.") {
			heir = "pools.p." + key
		}
		var origins bytes.Buffer
		if err := WriteOrigins(&origins, taken(t, Options{Data: []byte(text), Set: []string{assignment}})); err != nil {
			t.Fatal(err)
		}
		line := ""
		for row := range strings.Lines(origins.String()) {
			if cells := strings.Fields(row); cells[0] == heir || cells[0] == heir+"[0]" {
				line = strings.Join(cells[1:], " ")
			}
		}
		if !strings.HasPrefix(line, want+" flag --set defaults.") {
			t.Errorf("%s: %s is %q", assignment, heir, line)
		}
	}
}

// Without a section of its own, a route with defaults.retry has one.
func TestDefaultsOfRetryAreASection(t *testing.T) {
	text := strings.Replace(inheriting, `{attempts: 4, on: ["503"], backoff: {max: 2s}}`, "{}", 1)
	c := taken(t, Options{Data: []byte(text)}).Config
	want := []string{"connect_failure", "reset", "timeout", "502", "503", "504"}
	if got := c.Routes["nothing"].Retry; !reflect.DeepEqual(got.On, want) || got.Default {
		t.Errorf("got %+v; want what the section brings", got)
	}
	if taken(t, Options{Data: []byte(strings.Replace(text, "retry: {}", "", 1))}).Config.Routes["nothing"].Retry.Default != true {
		t.Error("a route without any section is not said to be as without one")
	}
}

// What is wrong with defaults is said once, where it stands.
func TestDefaultsAreCheckedOnce(t *testing.T) {
	for _, c := range []struct{ set, want string }{
		{"defaults.retry.on=never", `--set defaults.retry.on: defaults.retry.on[0]: "never" is none of connect_failure`},
		{"defaults.retry.attempts=0", "--set defaults.retry.attempts: defaults.retry.attempts: must be between 1 and 16"},
		{"defaults.timeouts.read=-1s", `--set defaults.timeouts.read: defaults.timeouts.read: "-1s" is negative`},
		{"defaults.timeout=soon", `--set defaults.timeout: defaults.timeout: "soon" is not a duration`},
		{"defaults.retry.per_try_timeout=11s", "defaults.retry.per_try_timeout: 11s is longer than the route's timeout, which is 10s"},
		{"routes.some.retry.backoff.initial=3s", "routes.some.retry.backoff.initial: 3s is longer than max, which is 2s"},
		{"routes.nothing.retry.per_try_timeout=11s", "routes.nothing.retry.per_try_timeout: 11s is longer than the route's timeout, which is 10s"},
	} {
		t.Run(c.set, func(t *testing.T) {
			problems := refused(t, Options{Data: []byte(inheriting), Set: []string{c.set}})
			if len(problems) != 1 || !strings.Contains(problems[0].String(), c.want) {
				t.Errorf("got %v; want %q", problems, c.want)
			}
		})
	}
	// A route that says only how short its time is does not have to say the rest.
	taken(t, Options{Data: []byte(inheriting), Set: []string{"defaults.retry.per_try_timeout=5s", "routes.nothing.timeout=1s"}})
}

func TestInheritedSecretsAreNotShown(t *testing.T) {
	loaded := taken(t, Options{Data: []byte(inheriting), Set: []string{"defaults.timeout=${ENV:KEY}"}, Environ: []string{"KEY=7s"}})
	var text bytes.Buffer
	if err := Write(&text, loaded, "yaml"); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text.String(), "7s") {
		t.Errorf("what a reference stands for is shown:\n%s", text.String())
	}
}
