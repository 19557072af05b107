package e2e

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// redisServer is a real one, of one test.
type redisServer struct {
	t       *testing.T
	address string
	process *exec.Cmd
	ended   chan struct{}
}

// startRedis starts one on a port that was free.
func startRedis(t *testing.T) *redisServer {
	t.Helper()
	binary := needProgram(t, "redis-server", "redis-server")
	for range 5 { // somebody else may take the port
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := &redisServer{t: t, address: l.Addr().String()}
		_ = l.Close()
		if s.start(binary) {
			return s
		}
	}
	t.Fatal("redis-server does not start")
	return nil
}

// start starts it at its address, and reports that it answers there.
func (s *redisServer) start(binary string) bool {
	s.t.Helper()
	_, port, _ := net.SplitHostPort(s.address)
	s.process = exec.Command(binary, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", s.t.TempDir())
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	process, ended := s.process, make(chan struct{})
	s.ended = ended
	go func() {
		_ = process.Wait() // it is killed
		close(ended)
	}()
	s.t.Cleanup(func() {
		_ = process.Process.Signal(syscall.SIGCONT) // or it does not end
		_ = process.Process.Kill()
		<-ended
	})
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); {
		if s.answers() {
			return true
		}
		select {
		case <-ended:
			return false
		case <-time.After(10 * time.Millisecond):
		}
	}
	return false
}

func (s *redisServer) answers() bool {
	c, err := net.DialTimeout("tcp", s.address, time.Second)
	if err != nil {
		return false
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	_, err = io.WriteString(c, "PING\r\n")
	b := make([]byte, len("+PONG"))
	if err == nil {
		_, err = io.ReadFull(c, b)
	}
	return err == nil && string(b) == "+PONG"
}

// offered is what became of requests that were offered at a rate.
type offered struct {
	passed, refused, others atomic.Int64
	slowest                 atomic.Int64 // nanoseconds
	took                    time.Duration
}

// offer sends perSecond requests a second for d to the proxies in turn, by 50 connections.
func offer(t *testing.T, proxies []*proxy, perSecond float64, d time.Duration) *offered {
	t.Helper()
	const connections = 50
	o, begun := &offered{}, time.Now()
	var all sync.WaitGroup
	var last atomic.Int64
	for i := range connections {
		all.Go(func() {
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}, Timeout: 20 * time.Second}
			defer client.CloseIdleConnections()
			gap := time.Duration(float64(time.Second) * connections / perSecond)
			at := begun.Add(gap * time.Duration(i) / connections)
			for n := i; at.Before(begun.Add(d)); n, at = n+1, at.Add(gap) {
				<-time.After(time.Until(at))
				before := time.Now()
				resp, err := client.Get(proxies[n%len(proxies)].url("/"))
				if err != nil {
					o.others.Add(1)
					continue
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				switch resp.StatusCode {
				case http.StatusOK:
					o.passed.Add(1)
				case http.StatusTooManyRequests:
					o.refused.Add(1)
				default:
					o.others.Add(1)
				}
				took := int64(time.Since(before))
				for was := o.slowest.Load(); took > was; was = o.slowest.Load() {
					if o.slowest.CompareAndSwap(was, took) {
						break
					}
				}
				last.Store(max(last.Load(), int64(time.Since(begun))))
			}
		})
	}
	all.Wait()
	o.took = time.Duration(last.Load())
	return o
}

// exact checks that what passed is what a limit of rate and burst lets pass in that time:
// never more, and less only by what came while nobody could ask. A limit that is full does
// not fill further while a busy machine lets the first request wait.
func (o *offered) exact(t *testing.T, name string, rate, burst float64) {
	t.Helper()
	slowest := time.Duration(o.slowest.Load())
	want, got := rate*o.took.Seconds()+burst, float64(o.passed.Load())
	t.Logf("%s: %v passed, %d refused, %d others in %v, slowest %v; want %.0f", name,
		got, o.refused.Load(), o.others.Load(), o.took, slowest, want)
	few := want - max(want/100, 2) - rate*slowest.Seconds()
	if got > want+max(want/100, 2) || got < few || o.others.Load() > 0 {
		t.Errorf("%s: %v passed, and %d were neither passed nor refused; want %.0f to %.0f, 1 %% more or less",
			name, got, o.others.Load(), few, want)
	}
}

// offerTime is how long is offered: ISAME_RATE_SECONDS, or a few seconds.
func offerTime() time.Duration {
	if n, err := strconv.Atoi(os.Getenv("ISAME_RATE_SECONDS")); err == nil {
		return time.Duration(n) * time.Second
	}
	return 3 * time.Second
}

const rateLimited = header + `
routes: {all: {respond: {}, middleware: [limit]}}
middleware: {limit: {type: rate_limit, rate: 100, burst: 20, key: route{{store}}}}
`

func TestRateLimitIsExact(t *testing.T) {
	p := start(t, strings.Replace(rateLimited, "{{store}}", "", 1))
	offer(t, []*proxy{p}, 1000, offerTime()).exact(t, "alone", 100, 20)
}

// Three proxies share one limit: it is exact while Redis answers, what on_failure says
// while it does not, and exact again once it is back.
func TestSharedRateLimitIsExact(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	const timeout = time.Second // a store that a busy machine makes late has counted what we refuse
	text := strings.Replace(rateLimited, "{{store}}", `, store: {redis: {address: "`+redis.address+`", timeout: 1s, on_failure: closed}}`, 1)
	var three []*proxy
	for range 3 {
		three = append(three, start(t, text))
	}
	offer(t, three, 1000, offerTime()).exact(t, "three", 100, 20)

	closed := func(name string) {
		t.Helper()
		offer(t, three, 100, 3*timeout/2) // while it is noticed
		o := offer(t, three, 300, time.Second)
		slowest := time.Duration(o.slowest.Load())
		t.Logf("%s: %d passed, %d refused, %d others, slowest %v", name, o.passed.Load(), o.refused.Load(), o.others.Load(), slowest)
		if o.passed.Load() > 0 || o.others.Load() > 0 || slowest > timeout+2*time.Second {
			t.Errorf("%s: %d passed, %d were neither passed nor refused, the slowest took %v; want all refused", name, o.passed.Load(), o.others.Load(), slowest)
		}
	}
	again := func(name string) {
		t.Helper()
		for until := time.Now().Add(20 * time.Second); ; {
			if o := offer(t, three, 100, 300*time.Millisecond); o.passed.Load() > 0 || time.Now().After(until) {
				break
			}
		}
		<-time.After(time.Second) // the limit is full again
		offer(t, three, 1000, time.Second).exact(t, name, 100, 20)
	}
	if err := redis.process.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	closed("frozen")
	if err := redis.process.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	again("thawed")
	if err := redis.process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-redis.ended
	closed("killed")
	if !redis.start(needProgram(t, "redis-server", "redis-server")) {
		t.Fatal("redis-server does not start again")
	}
	again("revived")
}
