package engine

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// connections.max_age ends connections to backends of either version, and no exchange
// notices: the backend sees new ones while requests go on, and none stays when they
// stop.
func TestConnectionsToBackendsAreClosedAtTheirAge(t *testing.T) {
	for _, protocol := range []string{"http1", "h2c"} {
		t.Run(protocol, func(t *testing.T) {
			var made, open atomic.Int64
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
			s.Config.Protocols = new(http.Protocols)
			s.Config.Protocols.SetHTTP1(protocol == "http1")
			s.Config.Protocols.SetUnencryptedHTTP2(protocol == "h2c")
			s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				switch state {
				case http.StateNew:
					made.Add(1)
					open.Add(1)
				case http.StateClosed:
					open.Add(-1)
				case http.StateActive, http.StateIdle, http.StateHijacked:
				}
			}
			s.Start()
			t.Cleanup(s.Close)
			r := start(t, strings.Replace(plain, "backends:", "protocol: "+protocol+", connections: {max_age: 100ms}, backends:", 1), s.Listener.Addr().String())
			c := r.dial()
			requests := int64(0)
			for began := time.Now(); made.Load() < 4; requests++ {
				if a := c.get("/"); a.StatusCode != 200 || a.body != "ok" {
					t.Fatalf("request %d: got %d %q; want 200 ok", requests, a.StatusCode, a.body)
				}
				if time.Since(began) > 10*time.Second {
					t.Fatalf("the backend saw %d connections; want a new one each 100 ms", made.Load())
				}
			}
			if requests < 10 {
				t.Errorf("%d requests on %d connections; want them used again", requests, made.Load())
			}
			eventually(t, func() string { return "no connection is left" }, func() bool { return open.Load() == 0 })
		})
	}
}
