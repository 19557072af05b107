package config

import (
	"strings"
	"testing"
	"time"
)

// TestWarnings has pools that are valid, and what is said of them.
func TestWarnings(t *testing.T) {
	const none = "circuit_breaker: warning: has no effect: max_ejected_percent is "
	for _, c := range []struct{ name, pool, want string }{
		{"breaker of one backend", "backends: [{address: 'a:1'}], circuit_breaker: {}", none + "50, and that of 1 backend is less than one"},
		{"breaker of three with a small share", "backends: [{address: 'a:1'}, {address: 'b:1'}, {address: 'c:1'}], circuit_breaker: {max_ejected_percent: 33}", "34 or more"},
		{"breaker of three", "backends: [{address: 'a:1'}, {address: 'b:1'}, {address: 'c:1'}], circuit_breaker: {max_ejected_percent: 34}", ""},
		{"breaker of two", "backends: [{address: 'a:1'}, {address: 'b:1'}], circuit_breaker: {}", ""},
		{"breaker of one that may be out", "backends: [{address: 'a:1'}], circuit_breaker: {max_ejected_percent: 100}", ""},
		{"breaker that is switched off", "backends: [{address: 'a:1'}], circuit_breaker: {max_ejected_percent: 0}", ""},
		{"breaker of one with a backup", "backends: [{address: 'a:1'}, {address: 'b:1', backup: true}], circuit_breaker: {}", ""},
		{"breaker of backups alone", "backends: [{address: 'a:1', backup: true}], circuit_breaker: {}", none},
		{"breaker beside discovery", "backends: [{address: 'a:1'}], discovery: {dns: {name: b.test, port: 1}}, circuit_breaker: {}", ""},
		{"cookie for other sites in clear text", "backends: [{address: 'a:1'}], sticky: {same_site: none}", "sticky.secure: warning: auto leaves Secure out"},
		{"cookie for other sites that is secure", "backends: [{address: 'a:1'}], sticky: {same_site: none, secure: always}", ""},
		{"host that looks like a word", "backends: [{address: 'a:1'}], host: backends", `"backends" is taken for the name of a host (did you mean "backend"?)`},
		{"host of one label", "backends: [{address: 'a:1'}], host: backend-1", ""},
		{"no section", "backends: [{address: 'a:1'}]", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := "listeners: {web: {address: ':0'}}\nroutes: {all: {pool: p}}\npools: {p: {" + c.pool + "}}\n"
			warnsOnly(t, text, c.want)
		})
	}
}

// TestProbesAreBoundedByTheirInterval has sections that say one of the two.
func TestProbesAreBoundedByTheirInterval(t *testing.T) {
	for _, c := range []struct {
		section string
		want    time.Duration
		refused bool
	}{
		{"{interval: 200ms}", 200 * time.Millisecond, false},
		{"{interval: 10s}", time.Second, false},
		{"{}", time.Second, false},
		{"{timeout: 3s}", 3 * time.Second, false},
		{"{interval: 200ms, timeout: 100ms}", 100 * time.Millisecond, false},
		{"{interval: 200ms, timeout: 1s}", 0, true},
	} {
		t.Run(c.section, func(t *testing.T) {
			text := "listeners: {web: {address: ':0'}}\nroutes: {all: {pool: p}}\n" +
				"pools: {p: {backends: [{address: 'a:1'}], health_check: " + c.section + "}}\n"
			loaded, err := Load(Options{Data: []byte(text), File: "isame.yaml"})
			if refused := err != nil; refused != c.refused {
				t.Fatalf("got %v; want refused: %v", err, c.refused)
			}
			if err == nil && loaded.Config.Pools["p"].HealthCheck.Timeout != c.want {
				t.Errorf("timeout: got %s; want %s", loaded.Config.Pools["p"].HealthCheck.Timeout, c.want)
			}
		})
	}
}

// warnsOnly checks that a configuration is valid, and that all that is said of it has a
// text; "" is nothing.
func warnsOnly(t *testing.T, text, want string) {
	t.Helper()
	loaded, err := Load(Options{Data: []byte(text), File: "isame.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	if len(loaded.Warnings) > 0 {
		got = loaded.Warnings[0].String()
	}
	if len(loaded.Warnings) > 1 || !strings.Contains(got, want) || want == "" && got != "" {
		t.Errorf("got %v; want %q", loaded.Warnings, want)
	}
}
