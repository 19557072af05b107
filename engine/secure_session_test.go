package engine

import (
	"crypto/tls"
	"net"
	"runtime"
	"testing"
	"time"
)

// shardWith is the shard that has the one connection that is open.
func (r *rig) shardWith() int {
	r.t.Helper()
	r.engine.apply.Lock()
	defer r.engine.apply.Unlock()
	for _, l := range r.engine.apply.listeners {
		for _, s := range l.shards {
			if active, idle := s.counts(); active+idle > 0 {
				return s.index
			}
		}
	}
	r.t.Fatal("no shard has the connection")
	return 0
}

// awaitNobody waits until no connection is open.
func (r *rig) awaitNobody() {
	r.t.Helper()
	for limit := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		left := 0
		for _, l := range r.engine.Listeners() {
			left += l.Active + l.Idle
		}
		if left == 0 {
			return
		}
		if time.Now().After(limit) {
			r.t.Fatalf("%d connections are still open", left)
		}
	}
}

// TestSessionsAreResumedOnTheOtherShard looks where the kernel has put each
// connection, until both shards have resumed a session of the other one.
func TestSessionsAreResumedOnTheOtherShard(t *testing.T) {
	r := start(t, tlsText("", "", newPair(t, tomorrow(), "a.test")), backend(t, sees))
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config := &tls.Config{ServerName: "a.test", MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
		last, crossed := -1, map[int]bool{}
		for try := 0; len(crossed) < 2; try++ {
			if try == 1000 {
				t.Fatal("the kernel does not spread connections")
			}
			c, conn := r.mustDialTLS(config)
			c.get("/") // brings the ticket
			shard := r.shardWith()
			if try > 0 && !conn.ConnectionState().DidResume {
				t.Fatalf("%s: a session of shard %d was not resumed on shard %d", tls.VersionName(version), last, shard)
			}
			if try > 0 && shard != last {
				crossed[shard] = true
			}
			last = shard
			_ = c.Close()
			r.awaitNobody()
		}
	}
}

// TestTicketKeysChange takes the listener's sessions through the days: the keys of
// tickets change each day, and older ones are good for a week.
func TestTicketKeysChange(t *testing.T) {
	r := start(t, tlsText("", "", newPair(t, tomorrow().Add(30*24*time.Hour), "a.test")), backend(t, sees))
	session := r.engine.table.Load().listeners[0].tls.terms.Session()
	began := time.Now()
	on := func(from *tls.Config, day int) *tls.Config {
		c := from.Clone() // with the keys it has by then
		c.Time = func() time.Time { return began.Add(time.Duration(day) * 24 * time.Hour) }
		return c
	}
	cache := tls.NewLRUClientSessionCache(1)
	resumed := func(server *tls.Config) bool {
		t.Helper()
		a, b := net.Pipe()
		defer func() { _, _ = a.Close(), b.Close() }()
		go func() {
			conn := tls.Server(a, server)
			_, _ = conn.Write([]byte("x")) // behind the ticket
			_, _ = conn.Read(make([]byte, 1))
		}()
		client := tls.Client(b, &tls.Config{ServerName: "a.test", InsecureSkipVerify: true, ClientSessionCache: cache, Time: server.Time})
		if _, err := client.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		return client.ConnectionState().DidResume
	}
	first := on(session, 0)
	if resumed(first) || !resumed(first) {
		t.Fatal("sessions of one day are not resumed")
	}
	before := on(first, 0) // knows the keys of the first day only
	third := on(first, 2)
	if !resumed(third) {
		t.Error("a session of two days before was not resumed")
	}
	if resumed(before) {
		t.Error("a ticket of the third day was made with a key of the first")
	}
	if !resumed(before) || resumed(on(before, 9)) {
		t.Error("a session of nine days before was resumed")
	}
}
