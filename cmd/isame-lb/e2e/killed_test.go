package e2e

import (
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// killRounds is how often each of the tests here kills the real program; what it keeps on the disk
// is written by smaller processes in ISAME_KILLS rounds, in the packages that keep it. The history
// is in TestAppliedConfigurationOutlivesARestart.
const killRounds = 3

// killedAtRandom kills the process soon.
func (p *proxy) killedAtRandom() {
	p.t.Helper()
	<-time.After(rand.N(100 * time.Millisecond)) // the moment is what is random
	p.signal(syscall.SIGKILL)
	within(p.t, "the process ends", p.exited)
}

// complains are words of a log that something on the disk was not whole.
func (p *proxy) wroteNothingOf(words ...string) {
	p.t.Helper()
	for _, word := range words {
		wroteNo(p.t, p.log.String(), word)
	}
}

// weightMost is how far weights are counted, before they begin anew.
const weightMost = 250

// TestOverlayAfterKill: while weights are asked for one after the other.
func TestOverlayAfterKill(t *testing.T) {
	b := newBackend(t, nil)
	p := start(t, overlaid(filepath.Join(t.TempDir(), "state"), 1, b))
	path, done := "/api/v1/pools/p/backends/"+b.address, 1
	following := func(weight int) int { return weight%weightMost + 1 }
	for round := range killRounds {
		asked := make(chan int, 256)
		go func() { // until the process is gone
			defer close(asked)
			for weight := following(done); ; weight = following(weight) {
				r, err := http.NewRequest(http.MethodPatch, "http://"+p.admin+path, strings.NewReader(fmt.Sprintf(`{"weight":%d}`, weight)))
				if err != nil {
					return
				}
				r.Header.Set("Content-Type", "application/json")
				if a, err := tryExchange(http.DefaultClient, r); err != nil || a.status != 200 {
					return
				}
				asked <- weight
			}
		}()
		for range 3 {
			done = <-asked
		}
		p.killedAtRandom()
		for weight := range asked {
			done = weight
		}
		p = launch(t, p.file)
		p.waitReady()
		var list []overlayEntry
		p.api("/api/v1/overlay", &list)
		if len(list) != 1 || list[0].Weight == nil || *list[0].Weight != done && *list[0].Weight != following(done) {
			t.Fatalf("round %d: got %+v; want weight %d, which was answered, or the next one", round, list, done)
		}
		done = *list[0].Weight
		p.wroteNothingOf("cannot read what was asked")
	}
}

// TestCopyOfSharedDocumentAfterKill: while documents are put one after the other. The next process starts
// with the copy, since what lies in etcd by then is refused.
func TestCopyOfSharedDocumentAfterKill(t *testing.T) {
	t.Parallel()
	s := startEtcd(t)
	s.put(shared(201))
	status, file := 201, s.memberFile("a")
	p := launch(t, file)
	p.waitReady()
	for round := range killRounds {
		p.answers(status)
		eventually(t, "the copy is written, behind the first answer", func() string {
			text, err := os.ReadFile(copyOf(file))
			if err != nil {
				return err.Error()
			}
			if !strings.Contains(string(text), fmt.Sprintf("status: %d", status)) {
				return string(text)
			}
			return ""
		})
		var puts sync.WaitGroup
		first, last := status, status
		puts.Go(func() {
			for ; !p.hasExited() && last < 499; last++ {
				if _, err := s.client.Put(t.Context(), fleetKey, shared(last+1)); err != nil {
					t.Error(err)
					return
				}
			}
		})
		p.killedAtRandom()
		puts.Wait()
		s.put("routes: {}\n")
		p = launch(t, file)
		p.waitReady()
		if status = get(t, p.url("/")).status; status < first || status > last {
			t.Fatalf("round %d: got %d; want one of %d to %d", round, status, first, last)
		}
		if !strings.Contains(p.log.String(), "STARTING WITH THE COPY ON DISK") {
			t.Error("it has not started with the copy")
		}
		status = last
		s.put(shared(status))
	}
}

// TestCertificatesAfterKill: while certificates that are good for a few seconds are renewed again and again.
// The next process serves what is there at once, and goes on.
func TestCertificatesAfterKill(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	server := startPebble(t, validation{tlsAddress: address, seconds: 4})
	hosts := []string{"a.test", "b.test", "c.test", "d.test", "e.test", "f.test"}
	text := strings.Replace(managed(members(newBackend(t, nil)), "", server.acme(t.TempDir(), strings.Join(hosts, ", "))), "127.0.0.1:0", address, 1)
	p := start(t, text)
	had := map[string]*x509.Certificate{}
	for _, host := range hosts {
		had[host] = p.waitIssued(host, nil)
	}
	for round := range killRounds {
		had["a.test"] = p.waitIssued("a.test", had["a.test"])
		p.killedAtRandom()
		p = launch(t, p.file)
		p.waitReady()
		for _, host := range hosts {
			if c, err := p.shown(host); err != nil || c.VerifyHostname(host) != nil {
				t.Errorf("round %d: %s: got %v, %v; want the certificate that is stored", round, host, c, err)
			}
		}
		p.wroteNothingOf("cannot use the stored certificate", "was set aside")
	}
}
