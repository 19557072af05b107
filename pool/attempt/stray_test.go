package attempt

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/rig"
	"github.com/isame-lb/isame-lb/pool/socket"
)

const (
	emptyAnswer = "HTTP/1.1 204 No Content\r\n\r\n"
	strayAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray"
	lateWord    = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n"
)

// parked is how many connections of the peer's backend nobody may take yet.
func (b *peerOf) parked() int { return linkOf(b.hc).park.len() }

func (b *peerOf) strays() *strays { return &linkOf(b.hc).clients.strays }

// A connection is not taken again before it has been silent: another is dialed
// meanwhile, and then it is there.
func TestConnectionIsParkedAfterAnAnswerWithoutContent(t *testing.T) {
	for over, start := range peers() {
		t.Run(over, func(t *testing.T) {
			b := start(t)
			var a Attempt
			b.open(&a, ReuseFree)
			b.exchange(&a, emptyAnswer)
			began := socket.Nanos()
			if b.parked() != 1 {
				t.Fatalf("%d connections are parked; want 1", b.parked())
			}
			if out := a.OpenPooled(b.hc, ReuseFree); out != Pending {
				t.Fatalf("the loop got %v; want %v", out, Pending)
			}
			b.until(func() bool { return b.parked() == 0 })
			if waited := time.Duration(socket.Nanos() - began); waited < silenceLeast-10*time.Millisecond {
				t.Errorf("it was parked for %v; want %v", waited, silenceLeast)
			}
			b.open(&a, ReuseFree)
			if !a.Reused() {
				t.Error("the connection is fresh; want the one that was silent")
			}
			if got := b.strays().owed[endsBy204].Load(); got != provenAfter-1 {
				t.Errorf("%d silent connections are owed; want %d", got, provenAfter-1)
			}
			b.exchange(&a, rig.OKAnswer)
			if _, idle := linkOf(b.hc).clients.Counts(); idle != 1 || b.parked() != 0 {
				t.Errorf("%d idle, %d parked; want it in the pool", idle, b.parked())
			}
		})
	}
}

// What comes on a connection that waits ends it at once, over TLS when it is looked
// at, and says how the backend is. Only an end, and a 408, say at what age it closes.
func TestWhatComesOnAnIdleConnection(t *testing.T) {
	for _, tc := range []struct {
		name, answer, says string
		closes             bool
		stray, age         bool // what is learnt
	}{
		{"an end, parked", emptyAnswer, "", true, false, true},
		{"an end", rig.OKAnswer, "", true, false, true},
		{"a 408", rig.OKAnswer, lateWord, false, false, true},
		{"a 408 and an end", rig.OKAnswer, lateWord, true, false, true},
		{"stray bytes, parked", emptyAnswer, "<html>", false, true, false},
		{"stray bytes", rig.OKAnswer, "<html>", false, true, false},
		{"stray bytes and an end", rig.OKAnswer, "<html>", true, true, false},
		{"an answer", rig.OKAnswer, strayAnswer, false, true, false},
		{"an answer, parked", emptyAnswer, strayAnswer, false, true, false},
		{"an answer and an end", rig.OKAnswer, strayAnswer, true, true, false},
	} {
		for over, start := range peers() {
			t.Run(tc.name+", over "+over, func(t *testing.T) {
				b := start(t)
				var a Attempt
				b.open(&a, ReuseFree)
				c := a.Conn()
				b.exchange(&a, tc.answer)
				owed := b.strays().owed[reuseOf(c).ending].Load()
				b.say(tc.says)
				if tc.closes {
					_ = b.Close()
					b.until(func() bool { return c.Ended() || c.Gone() })
				}
				if b.server == nil {
					b.until(c.Gone) // the loop has seen it
				}
				b.until(func() bool { return b.parked() == 0 })
				if out := a.OpenPooled(b.hc, ReuseFree); out != Pending {
					t.Errorf("the loop got %v; want %v", out, Pending)
				}
				b.until(func() bool { // what the timer of the park has found, too
					return b.strays().named.Load() == tc.stray && linkOf(b.hc).clients.ages.known() == tc.age
				})
				if now := b.strays().owed[reuseOf(c).ending].Load(); tc.stray && now != provenAfter || !tc.stray && now > owed {
					t.Errorf("%d silent connections are owed, %d before", now, owed)
				}
			})
		}
	}
}

// A request meets stray bytes on a connection in use again: what is no answer may be
// repeated, and what was sent before the request was there is none.
func TestStrayBytesUnderARequest(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(b *peerOf, a *Attempt)
		want Outcome
	}{
		{"no answer", func(b *peerOf, a *Attempt) { b.send(a); b.receive(); b.say("<html>") }, ReusedBad},
		{"too much", func(b *peerOf, a *Attempt) {
			b.send(a)
			b.receive()
			b.say("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", headerBytesDefault))
		}, ReusedBad},
		{"no answer behind an interim one", func(b *peerOf, a *Attempt) {
			b.send(a)
			b.receive()
			b.say("HTTP/1.1 103 Early Hints\r\n\r\n")
			if out := a.Head(false, rig.Soon()); out != OK {
				b.t.Errorf("interim: %v", out)
			}
			b.say("<html>")
		}, BadResponse},
		{"an answer before the request", func(b *peerOf, _ *Attempt) { b.say(strayAnswer) }, ReusedNeverReceived},
		{"no answer before the request", func(b *peerOf, _ *Attempt) { b.say("<html>") }, ReusedNeverReceived},
	} {
		for over, start := range peers() {
			t.Run(tc.name+", over "+over, func(t *testing.T) {
				b := start(t)
				var a Attempt
				b.open(&a, ReuseFree)
				tc.do(b, &a)
				if got := a.Head(false, rig.Soon()); got != tc.want {
					t.Errorf("got %v (%d); want %v (%d)", got, got, tc.want, tc.want)
				}
				if linkOf(b.hc).clients.ages.known() {
					t.Error("an age was learnt; want none")
				}
				if got := b.strays().named.Load(); got != (tc.want == ReusedNeverReceived) {
					t.Errorf("learnt that it sends stray bytes: %v", got)
				}
				a.Close(false, 0)
				b.openFresh(&a, ReuseNone)
				b.exchange(&a, rig.OKAnswer)
				if got := b.strays().named.Load(); got != (tc.want != BadResponse) {
					t.Errorf("after a good answer on a fresh connection, learnt that it sends stray bytes: %v", got)
				}
			})
		}
	}
}

// A backend has room for so many parked connections; one that has proven itself is
// trusted with more.
func TestParkIsBounded(t *testing.T) {
	for _, tc := range []struct {
		name   string
		owed   int32
		answer string
		parked int
		idle   int // of all, afterwards
	}{
		{"nothing known", provenAfter, emptyAnswer, parkRoom, parkRoom},
		{"proven", 0, emptyAnswer, parkRoomProven, parkRoom + 8},
		{"content, from a backend that sends bytes behind it", provenAfter, rig.OKAnswer, parkRoom, parkRoom},
		{"content", 0, rig.OKAnswer, 0, parkRoom + 8},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newPeer(t)
			linkOf(b.hc).clients.CloseIdle()
			b.strays().owed[endsBy204].Store(tc.owed)
			b.strays().owed[endsByFraming].Store(tc.owed)
			as := make([]Attempt, parkRoom+8)
			streams := make([]*peerOf, len(as))
			for i := range as {
				one := *b
				one.openFresh(&as[i], ReuseFree)
				streams[i] = &one
			}
			for i := range as {
				streams[i].exchange(&as[i], tc.answer)
			}
			open, idle := linkOf(b.hc).clients.Counts()
			if b.parked() != tc.parked || idle != tc.idle || open != idle {
				t.Errorf("%d parked, %d idle, %d open; want %d, %d and %d", b.parked(), idle, open, tc.parked, tc.idle, tc.idle)
			}
			linkOf(b.hc).clients.CloseIdle()
			if open, _ := linkOf(b.hc).clients.Counts(); open != 0 || b.strays().parked.Load() != 0 {
				t.Errorf("after all were closed: %d open, %d places taken", open, b.strays().parked.Load())
			}
		})
	}
}

// A parked connection makes room for one that is needed now.
func TestParkedConnectionsGiveWayToConnectionsMax(t *testing.T) {
	for _, which := range []Reuse{ReuseFree, ReuseNone} {
		t.Run(fmt.Sprint(which), func(t *testing.T) {
			b := newPeer(t)
			b.hc = clientsTo(t, b.ln.Addr().String(), config.Pool{Connections: config.PoolConnections{Max: 1}}).Shard(0)
			var a Attempt
			b.openFresh(&a, ReuseFree)
			b.exchange(&a, emptyAnswer)
			b.openFresh(&a, which)
			if open, _ := linkOf(b.hc).clients.Counts(); open != 1 || b.parked() != 0 {
				t.Errorf("%d open, %d parked; want the one in use", open, b.parked())
			}
			a.Close(false, 0)
		})
	}
}

// A backend that was seen to be late is waited for longer.
func TestSilenceIsLearnt(t *testing.T) {
	var s strays
	s.named.Store(true)
	for _, step := range []struct{ late, want time.Duration }{
		{0, time.Second},
		{300 * time.Millisecond, time.Second},
		{900 * time.Millisecond, 1800 * time.Millisecond},
		{200 * time.Millisecond, 1800 * time.Millisecond},
	} {
		s.met(endsByHEAD, int64(step.late))
		if got := time.Duration(s.silence()); got != step.want {
			t.Errorf("after bytes %v late: got %v; want %v", step.late, got, step.want)
		}
	}
}
