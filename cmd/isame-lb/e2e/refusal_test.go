package e2e

import (
	"bytes"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// refusalTries is how often each client uploads.
const refusalTries = 8

// Clients in wide use that send a body of 10 MiB where 1 MiB is allowed see why it is
// refused, each time.
func TestEarlyRefusalReachesClientsInUse(t *testing.T) {
	t.Parallel()
	b := newBackend(t, func(http.ResponseWriter, *http.Request) {})
	p := start(t, `
admin: {address: "127.0.0.1:0"}
listeners: {web: {address: "127.0.0.1:0", limits: {body_bytes: 1MiB}}}
routes: {all: {pool: p}}
pools: {p: {backends: [{address: "`+b.address+`"}]}}
`)
	script := func(program, debianPackage, option, text string) func(t *testing.T) string {
		return func(t *testing.T) string {
			t.Helper()
			out, err := exec.CommandContext(t.Context(), needProgram(t, program, debianPackage), option, text, p.address()).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			return strings.TrimSpace(string(out))
		}
	}
	for name, upload := range map[string]func(t *testing.T) string{
		"python": script("python3", "python3", "-c", `
import http.client, sys
c = http.client.HTTPConnection(sys.argv[1], timeout=20)
c.request("POST", "/", b"x" * (10 << 20))
print(c.getresponse().status)`),
		"node": script("node", "nodejs", "-e", `
fetch("http://" + process.argv[1] + "/", {method: "POST", body: "x".repeat(10 << 20)}).then(async r => {
	await r.text(); console.log(r.status)
}, e => console.log(e.cause))`),
		"go": func(*testing.T) string {
			c := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{}}
			defer c.CloseIdleConnections()
			resp, err := c.Post("http://"+p.address()+"/", "text/plain", bytes.NewReader(make([]byte, 10<<20)))
			if err != nil {
				return err.Error()
			}
			_ = resp.Body.Close()
			return strings.Fields(resp.Status)[0]
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range refusalTries {
				if got := upload(t); got != "413" {
					t.Errorf("got %s; want 413", got)
				}
			}
		})
	}
}
