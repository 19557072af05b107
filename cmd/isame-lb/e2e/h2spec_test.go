package e2e

import (
	"bytes"
	"context"
	"net/http"
	"os/exec"
	"regexp"
	"testing"
	"time"
)

// h2spec checks servers of HTTP/2 against the RFCs.
var h2spec = newOldTool("h2spec", "github.com/summerwind/h2spec/cmd/h2spec", `
github.com/summerwind/h2spec v2.2.1+incompatible
github.com/fatih/color v1.19.0
github.com/spf13/cobra v1.10.2
golang.org/x/net v0.62.0
`)

// h2specSummary is the last line it prints.
var h2specSummary = regexp.MustCompile(`(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed`)

// TestH2spec runs all of it, the strict tests too. The answer is as long as the one
// test wants that would be skipped otherwise.
func TestH2spec(t *testing.T) {
	binary := h2spec.need(t)
	b := newBackend(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(noise(2 << 10)) })
	p := start(t, overTLS(members(b), "", "", newPair(t, tomorrow(), "a.test")))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	began := time.Now()
	command := exec.CommandContext(ctx, binary, "--tls", "--insecure", "--strict", "--host", "127.0.0.1", "--port", portOf(t, p.address()), "--path", "/long", "--timeout", "5")
	command.Dir = t.TempDir()
	out, err := command.CombinedOutput()
	summary := h2specSummary.FindSubmatch(out)
	if summary == nil {
		t.Fatalf("h2spec: %v, without a summary:\n%s", err, out)
	}
	t.Logf("h2spec: %s, in %v", summary[0], time.Since(began).Round(time.Millisecond))
	if err != nil || !bytes.Equal(summary[1], summary[2]) || len(summary[1]) < 3 {
		t.Errorf("h2spec: %v, %s; want all of more than a hundred tests passed:\n%s", err, summary[0], out)
	}
	p.eventuallyCounts(0, "isame_connections_open", "listener", "web")
}
