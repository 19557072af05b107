package safely

import (
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// TestGiveWayLetsTheNetworkRun: on one processor, beside long work, a message goes through two sockets at
// once. With runtime.Gosched in its place each of them waits for 10 ms. The quickest tells, as a busy
// machine makes none quicker.
func TestGiveWayLetsTheNetworkRun(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	echoed := make(chan struct{})
	go func() {
		defer close(echoed)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = io.Copy(c, struct{ io.Reader }{c})
	}()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	var ends atomic.Bool
	worked := make(chan struct{})
	go func() {
		defer close(worked)
		for !ends.Load() {
			for began := time.Now(); time.Since(began) < 100*time.Microsecond; { //nolint:revive // it is the work
			}
			GiveWay()
		}
	}()
	quickest := time.Hour
	for range 20 {
		began, b := time.Now(), []byte("ping")
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, b); err != nil {
			t.Fatal(err)
		}
		quickest = min(quickest, time.Since(began))
	}
	ends.Store(true)
	<-worked
	_, _ = c.Close(), ln.Close()
	<-echoed
	t.Logf("the quickest of 20 took %v", quickest)
	if quickest > 5*time.Millisecond {
		t.Errorf("the quickest of 20 took %v; want less than a look of Go's at the network, 10 ms", quickest)
	}
}

// TestGiveWayAsksTheLoops: work that is alone goes on, but for each tenth time.
func TestGiveWayAsksTheLoops(t *testing.T) {
	before := loopsWait.Load()
	t.Cleanup(func() { loopsWait.Store(before) })
	times := func() (n int) {
		for range 10 * anywayEach {
			if somebodyWaits() {
				n++
			}
		}
		return n
	}
	loopsWait.Store(nil)
	if times() != 10*anywayEach {
		t.Error("nobody can be asked; want that it gives way each time")
	}
	for waits, want := range map[bool]int{false: 10, true: 10 * anywayEach} {
		WhenLoopsWait(func() bool { return waits })
		if got := times(); got != want {
			t.Errorf("a loop waits: %v; got that it gives way %d times of %d; want %d", waits, got, 10*anywayEach, want)
		}
	}
}
