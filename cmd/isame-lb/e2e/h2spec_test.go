package e2e

import (
	"context"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// h2specModule asks a server everything that RFC 7540 and RFC 7541 demand of one.
const h2specModule = "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible"

// h2specTests is how many tests it has.
const h2specTests = 146

var h2specSum = regexp.MustCompile(`(?m)^(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed`)

// badPreface is how h2spec names the test of a connection that does not begin as
// HTTP/2. In clear text such a one is HTTP/1.1, and is answered so.
const badPreface = "Sends invalid connection preface"

// TestH2spec lets h2spec judge the listener, strictly, in clear text and over TLS. One
// of its tests needs an answer with content enough to be stopped by a window.
func TestH2spec(t *testing.T) {
	t.Parallel()
	binary := needModule(t, h2specModule, "conformance of HTTP/2 is not tested")
	content := strings.Repeat("x", 4<<10)
	b := newRawBackend(t, always("HTTP/1.1 200 OK\r\nContent-Length: "+strconv.Itoa(len(content))+"\r\n\r\n"+content))
	inClear := start(t, `
listeners: {web: {address: "127.0.0.1:0", h2c: true}}
admin: {address: "127.0.0.1:0"}
routes: {all: {pool: p}}
pools: {p: {backends: [{address: "`+b.address+`"}]}}
`)
	secure := start(t, overTLS(`[{address: "`+b.address+`"}]`, "", "", newPair(t, tomorrow(), "a.test")))
	for _, tc := range []struct {
		name   string
		p      *proxy
		args   []string
		failed string // the test that fails; empty is none
	}{
		{"in clear text", inClear, nil, badPreface},
		{"over TLS", secure, []string{"--tls", "--insecure"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
			defer cancel()
			args := append([]string{"--strict", "--host", "127.0.0.1", "--port", portOf(t, tc.p.address()), "--timeout", "10"}, tc.args...)
			out, err := exec.CommandContext(ctx, binary, args...).CombinedOutput() // it ends with an error when a test has failed
			sum := h2specSum.FindStringSubmatch(string(out))
			if sum == nil {
				t.Fatalf("h2spec made no report: %v\n%s", err, out)
			}
			t.Log(sum[0])
			passed, report := h2specTests, string(out)
			if tc.failed != "" {
				passed--
				if _, failures, _ := strings.Cut(report, "Failures:"); !strings.Contains(failures, tc.failed) {
					t.Errorf("%q has not failed:\n%s", tc.failed, report)
				}
			}
			if sum[1] != strconv.Itoa(h2specTests) || sum[2] != strconv.Itoa(passed) {
				t.Errorf("got %s; want %d of %d passed:\n%s", sum[0], passed, h2specTests, report)
			}
		})
	}
}
