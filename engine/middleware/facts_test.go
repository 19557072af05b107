package middleware

import (
	"net/netip"
	"testing"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

var schemeHTTP, schemeHTTPS, requestID = []byte("http"), []byte("https"), []byte("id")

// facts are those of an exchange that nobody carries, for unit tests and benchmarks.
type facts struct {
	stage.Facts // what no test needs yet

	client  netip.Addr
	trusted bool
	https   bool
	backend string
	call    bool
}

func (f *facts) Client() netip.Addr                     { return f.client }
func (f *facts) Peer() netip.Addr                       { return f.client }
func (f *facts) Trusted() bool                          { return f.trusted }
func (f *facts) Scheme() []byte                         { return f.scheme() }
func (f *facts) Port() uint16                           { return 8080 }
func (f *facts) Protocol() string                       { return "HTTP/1.1" }
func (f *facts) ServerName() string                     { return "sni.test" }
func (f *facts) Subject() string                        { return "CN=a\r\nb" }
func (f *facts) Route() string                          { return "r" }
func (f *facts) Pool() string                           { return "" }
func (f *facts) Backend() string                        { return f.backend }
func (f *facts) Asked() (scheme, host string)           { return "http", "" }
func (f *facts) IsCall() bool                           { return f.call }
func (f *facts) Upgrades() bool                         { return false }
func (f *facts) Unsent() bool                           { return false }
func (f *facts) RequestID() []byte                      { return requestID }
func (f *facts) Shard() int                             { return 0 }
func (f *facts) ByNanos() int64                         { return 0 }
func (f *facts) Patience(byNanos int64) socket.Patience { return socket.Patience{ByNanos: byNanos} }
func (f *facts) Gone() bool                             { return false }

func (f *facts) scheme() []byte {
	if f.https {
		return schemeHTTPS
	}
	return schemeHTTP
}

// newCall is a call with this head, which ends in an empty line.
func newCall(t testing.TB, head string) *stage.Call {
	t.Helper()
	h := &wire.RequestHead{}
	if n, err := h.Parse([]byte(head), &wire.Limits{}); n == 0 || err != nil {
		t.Fatalf("%q is no head: %v", head, err)
	}
	c := &stage.Call{Facts: &facts{client: netip.MustParseAddr("192.0.2.7")}}
	c.Begin(h)
	c.Path, c.Target, c.Query = h.Path, h.Path, h.Query
	return c
}

// newPlace is where a stage is made, with a book of its own that is being written.
func newPlace(t testing.TB) *Place {
	t.Helper()
	reg := observe.NewRegistry(1)
	env := &Env{Config: &config.Config{}, Registry: reg, Logger: zerolog.Nop(), Shards: 1, Book: &Book{}}
	env.Book.Begin()
	return &Place{Env: env, Name: "m", Stats: reg.Middleware("m")}
}
