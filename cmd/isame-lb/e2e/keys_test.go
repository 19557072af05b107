package e2e

import (
	"strings"
	"testing"
)

// TestKeysOfTheProcess changes keys that the program reads itself, and looks at
// what it writes and serves.
func TestKeysOfTheProcess(t *testing.T) {
	for _, c := range []struct {
		name, text      string
		wants, wantsNot string // in the log
		metrics         map[string]string
	}{
		{"defaults", "", `"level":"info"`, "INF", map[string]string{"/metrics": "200", "/prom": "404"}},
		{"metrics.path", "metrics: {path: /prom}\n", "", "", map[string]string{"/metrics": "404", "/prom": "200"}},
		{"metrics.enabled", "metrics: {enabled: false}\n", "", "", map[string]string{"/metrics": "404"}},
		{"log.level", "log: {level: error}\n", "", `"level":"info"`, nil},
		{"log.format", "log: {format: text}\n", "listening", `"level"`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			socket := shortSocket(t)
			p := launch(t, writeConfig(t, `
listeners: {web: {address: "127.0.0.1:0"}}
admin: {address: "unix:`+socket+`"}
routes: {all: {respond: {status: 204}}}
`+c.text))
			eventually(t, "it is ready", func() string {
				got, err := tryCurl(t, "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", socket, "http://localhost/ready")
				if err != nil || got != "200" {
					return "not ready: " + got
				}
				return ""
			})
			for path, want := range c.metrics {
				if got := curl(t, "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", socket, "http://localhost"+path); got != want {
					t.Errorf("%s: got %s; want %s", path, got, want)
				}
			}
			if c.wants != "" {
				eventually(t, "the log has it", func() string {
					if !strings.Contains(p.log.String(), c.wants) {
						return "no " + c.wants
					}
					return ""
				})
			}
			if c.wantsNot != "" && strings.Contains(p.log.String(), c.wantsNot) {
				t.Errorf("the log has %q:\n%s", c.wantsNot, p.log)
			}
		})
	}
}
