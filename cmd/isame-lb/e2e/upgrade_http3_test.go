package e2e

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// drip is a download that goes on until it is told to end.
type drip struct {
	*backend

	end chan struct{}
}

// dripPause is how long it waits between two lines.
const dripPause = 10 * time.Millisecond

func newDrip(t *testing.T) *drip {
	t.Helper()
	d := &drip{end: make(chan struct{})}
	d.backend = newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/drip" {
			_, _ = io.Copy(io.Discard, r.Body)
			return
		}
		tick := time.NewTicker(dripPause)
		defer tick.Stop()
		for n := 0; ; n++ {
			if _, err := fmt.Fprintf(w, "%d\n", n); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			select {
			case <-d.end:
				_, _ = io.WriteString(w, "end\n")
				return
			case <-tick.C:
			}
		}
	})
	return d
}

// download is the client of a drip.
type download struct {
	t     *testing.T
	lines atomic.Int64
	ended chan error
}

func startDownload(t *testing.T, client *http.Client, url string) *download {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	d := &download{t: t, ended: make(chan error, 1)}
	go func() {
		defer func() { _ = resp.Body.Close() }()
		d.ended <- d.read(resp.Body)
	}()
	return d
}

// read wants every line, in order.
func (d *download) read(body io.Reader) error {
	in := bufio.NewScanner(body)
	for n := 0; in.Scan(); n++ {
		switch in.Text() {
		case "end":
			return nil
		case strconv.Itoa(n):
			d.lines.Add(1)
		default:
			return fmt.Errorf("got line %q; want %d", in.Text(), n)
		}
	}
	return fmt.Errorf("line %d: %w", d.lines.Load(), cmp.Or(in.Err(), io.ErrUnexpectedEOF))
}

// goesOn waits for more of the download.
func (d *download) goesOn() {
	d.t.Helper()
	before := d.lines.Load()
	eventually(d.t, "the download goes on", func() string {
		select {
		case err := <-d.ended:
			d.t.Fatalf("the download has ended: %v", err)
		default:
		}
		if now := d.lines.Load(); now < before+5 {
			return fmt.Sprintf("at line %d", now)
		}
		return ""
	})
}

// overQUIC is a client of HTTP/3 with connections of its own.
func overQUIC(t *testing.T, address string) *http.Client {
	t.Helper()
	tr := &http3.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "a.test"},
		Dial: func(ctx context.Context, _ string, c *tls.Config, q *quic.Config) (*quic.Conn, error) {
			return quic.DialAddr(ctx, address, c, q)
		},
	}
	t.Cleanup(func() { _ = tr.Close() })
	return &http.Client{Transport: tr}
}

// askingOverQUIC asks one request after the other until stop, which returns how many it
// were, and what failed. The bodies can be sent once only.
func askingOverQUIC(client *http.Client) (asked *atomic.Int64, stop func() []string) {
	asked = &atomic.Int64{}
	ctx, cancel := context.WithCancel(context.Background())
	failed := make(chan []string, 1)
	go func() {
		var all []string
		pause := time.NewTicker(5 * time.Millisecond)
		defer pause.Stop()
		for n := 0; ctx.Err() == nil; n++ {
			err := askOnceOverQUIC(context.WithoutCancel(ctx), client, n)
			if closedByClient(err) {
				err = askOnceOverQUIC(context.WithoutCancel(ctx), client, n)
			}
			if err != nil {
				all = append(all, fmt.Sprintf("request %d: %v", n, err))
			}
			asked.Add(1)
			<-pause.C
		}
		failed <- all
	}()
	return asked, func() []string {
		cancel()
		return <-failed
	}
}

// closedByClient reports a request whose connection quic-go's own client has closed: a GOAWAY that comes
// while it opens a stream finds a connection without one (findings/).
func closedByClient(err error) bool {
	own, ok := errors.AsType[*http3.Error](err)
	return ok && !own.Remote && own.ErrorCode == http3.ErrCodeNoError
}

func askOnceOverQUIC(ctx context.Context, client *http.Client, n int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	method, body := http.MethodGet, io.Reader(http.NoBody)
	if n%2 == 1 {
		method, body = http.MethodPost, io.MultiReader(strings.NewReader("content"))
	}
	q, err := http.NewRequestWithContext(ctx, method, "https://a.test/", body)
	if err != nil {
		return err
	}
	resp, err := client.Do(q)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", resp.Status)
	}
	return nil
}

// quicConfigFor is a configuration whose route /own says which one it is: a process that drains
// does not read a later one.
func quicConfigFor(c *pair, b *backend, number int) string {
	text := overTLS(members(b), "", ", http3: true", c)
	return strings.Replace(text, "routes: {", fmt.Sprintf("shutdown: {drain: 10m}\nlog: {format: json}\nroutes: {own: {path: /own, respond: {status: 200, body: \"%d\"}}, ", number), 1)
}

// TestUpgradeHandsHTTP3Over replaces the process three times under a download and a client
// that asks all the time: the one stays where it began, and who connects anew is served by
// the process that has come last.
func TestUpgradeHandsHTTP3Over(t *testing.T) {
	c, d := newPair(t, tomorrow(), "a.test"), newDrip(t)
	l := newLineageOf(t, quicConfigFor(c, d.backend, 0))
	address := l.address()
	first := l.serving(1)
	down := startDownload(t, overQUIC(t, address), "https://a.test/drip")
	asked, stop := askingOverQUIC(overQUIC(t, address))
	for i := range 3 {
		down.goesOn()
		if code, out := ctlAt(t, l.admin, "upgrade"); code != 0 {
			t.Fatalf("isame-ctl upgrade: got exit %d, %s", code, out)
		}
		fresh := l.serving(i + 2)
		if code, out := ctlAt(t, l.admin, "status"); code != 0 || !strings.Contains(out, fmt.Sprintf("pid %d", fresh)) {
			t.Errorf("isame-ctl status: got exit %d, %s; want process %d", code, out, fresh)
		}
		l.reload(quicConfigFor(c, d.backend, i+1))
		a, err := tryExchange(overQUIC(t, address), request(t, http.MethodGet, "https://a.test/own", ""))
		if err != nil || string(a.body) != strconv.Itoa(i+1) {
			t.Errorf("a new connection: got %q, %v; want an answer of process %d", a.body, err, i+2)
		}
		down.goesOn()
		before := asked.Load()
		eventually(t, "the client goes on", func() string {
			if now := asked.Load(); now < before+20 {
				return fmt.Sprintf("at request %d", now)
			}
			return ""
		})
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", first)); err != nil {
		t.Errorf("the first process does not wait for the download: %v", err)
	}
	t.Run("curl", func(t *testing.T) { curlOverQUIC(t, address) })
	close(d.end)
	if err := <-down.ended; err != nil {
		t.Errorf("download: %v", err)
	}
	if failed := stop(); len(failed) > 0 {
		t.Errorf("%d of %d requests failed: %.1000s", len(failed), asked.Load(), strings.Join(failed, "; "))
	}
	for i := range 3 {
		l.gone(l.serving(i + 1))
	}
}

// curlOverQUIC asks by curl, where that speaks HTTP/3.
func curlOverQUIC(t *testing.T, address string) {
	t.Helper()
	out, err := exec.Command(needProgram(t, "curl", "curl"), "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "HTTP3") {
		t.Skip("SKIPPED: the curl of this system does not speak HTTP/3")
	}
	if got := curl(t, "--http3-only", "--insecure", "https://"+address+"/own"); got != "3" {
		t.Errorf("got %q; want the last process", got)
	}
}

// TestUpgradeThatDiesLeavesHTTP3 kills the new process: the old one, which drains, has its
// connections still.
func TestUpgradeThatDiesLeavesHTTP3(t *testing.T) {
	c, d := newPair(t, tomorrow(), "a.test"), newDrip(t)
	l := newLineageOf(t, quicConfigFor(c, d.backend, 0))
	down := startDownload(t, overQUIC(t, l.address()), "https://a.test/drip")
	if code, out := ctlAt(t, l.admin, "upgrade"); code != 0 {
		t.Fatalf("isame-ctl upgrade: got exit %d, %s", code, out)
	}
	fresh := l.serving(2)
	down.goesOn()
	l.kill(fresh)
	down.goesOn()
	close(d.end)
	if err := <-down.ended; err != nil {
		t.Errorf("download: %v", err)
	}
}
