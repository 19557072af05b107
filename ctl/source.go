package ctl

import (
	"context"
	"errors"
	"io"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/feed"
	"github.com/isame-lb/isame-lb/ctl/ledger"
	"github.com/isame-lb/isame-lb/ctl/overlay"
	"github.com/isame-lb/isame-lb/pool"
)

// Errors a source may wrap to choose the status of the answer; any other error
// is answered 422 with its text.
var (
	// ErrNotFound is answered 404: no such pool or backend.
	ErrNotFound = errors.New("not found")
	// ErrConflict is answered 409: true today, maybe not tomorrow.
	ErrConflict = errors.New("conflict")
	// ErrInUse is answered 409 in_use: somebody has the name or the address.
	ErrInUse = errors.New("in use")
	// ErrNotSupported is answered 501.
	ErrNotSupported = errors.New("not supported yet")
)

// Formats of a configuration.
const (
	FormatYAML = "yaml"
	FormatJSON = "json"
	FormatTOML = "toml"
)

// Reload is what Sources.Reload is asked for.
type Reload struct {
	Author string
	// Force takes the content of the file even where it was taken before, unless May refuses it.
	Force bool
	May   func(next *config.Loaded) error
}

// Sources is where the answers come from. Each function is called from many
// goroutines at once, returns copies nobody changes afterwards, and must not
// hold a lock the hot path waits for. A nil function makes its endpoint answer
// 501 "not supported yet"; the endpoint stays in the OpenAPI document.
type Sources struct {
	// Status describes the process. The server itself fills in
	// RequestsPerSecond and, when they are nil, Pools.
	Status func() api.Status
	// Pools are all pools, sorted by name.
	Pools func() []pool.Status
	// Summaries are the same in brief.
	Summaries func() []pool.Summary
	// Readings appends what is counted of all backends to list, pools by name; it is called many times a second while
	// somebody looks, by one goroutine at a time.
	Readings func(list []pool.Reading) []pool.Reading
	// Traffic is what all exchanges came to, and what the process takes. It is called once a second then.
	Traffic func() api.Traffic
	// Routes are all routes; see DescribeRoutes.
	Routes func() []api.RouteStatus
	// Listeners are all listeners; see DescribeListeners.
	Listeners func() []api.ListenerStatus
	// Certificates are those of all listeners; Limits the stages that limit clients.
	Certificates func() []api.Certificate
	Limits       func() []api.Limiter
	// Ready says whether traffic should come here, and why not. nil is always ready.
	Ready func() (ready bool, reason string)
	// RequestsTotal is the number of finished exchanges; it is read once a
	// second for requests_per_second. nil leaves the rate at what Status says.
	RequestsTotal func() uint64
	// WriteMetrics writes all metrics in the format that accept asks for, an Accept field of
	// HTTP, and returns the type of that; empty is the text format of Prometheus.
	WriteMetrics func(w io.Writer, accept string) (contentType string)
	// Config is the effective configuration, defaults merged, in FormatYAML or FormatJSON,
	// secrets masked. ETag is without quotes.
	Config func(format string) (ConfigDocument, error)
	// Upgrade starts the program anew, hands the sockets over, and returns when the new
	// process serves and this one drains, or when that has failed and this one goes on.
	Upgrade func(ctx context.Context) (api.UpgradeResult, error)
	// Explain says what would become of a request, without sending it. An error is about
	// the question, or ErrConflict.
	Explain func(q *api.ExplainRequest) (*api.Explanation, error)
	// ExplainBy is Explain by a configuration that does not run, and Plan says what it would
	// do to what does; it was loaded as one that may.
	ExplainBy func(next *config.Loaded, q *api.ExplainRequest) (*api.Explanation, error)
	Plan      func(next *config.Loaded) (*api.Effects, *api.Replay, error)
	// Ledger has the configuration as it was written, its changes and its history.
	Ledger *ledger.Ledger
	// Reload reads the configuration file again and returns when it has taken effect or was
	// refused, with an error ConfigProblems understands.
	Reload func(r *Reload) (api.ReloadResult, error)
	// Overlay keeps what was changed of backends at run time.
	Overlay *overlay.Keeper
	// PatchBackend changes weight or state of a backend for author; the patch was checked.
	PatchBackend func(pool, address string, patch api.BackendPatch, author string) error
	// AddBackend adds a backend and returns when it is there, with an error
	// ConfigProblems understands when it is not valid.
	AddBackend func(pool string, b api.NewBackend, author string) error
	// Records finds what the recorder keeps; it reads all of it. ErrConflict says that nothing is recorded.
	Records func(q *RecordQuery) (RecordPage, error)
	// Tap begins to hand on exchanges as they end, of which q and sample (0 to 1) say which; the
	// names, methods and times of q are checked. At most 8 are open at a time.
	Tap func(q *RecordQuery, sample float64) (Tap, error)
	// Events are what happens to the process.
	Events *feed.Feed
	// Blame finds whose time that of the slowest exchanges is, without the summary. It reads what the recorder keeps
	// several times; ErrConflict says that nothing is recorded.
	Blame func(q *BlameQuery) (*api.Blame, error)
	// Instances are those that share the configuration, by name, as they report themselves; without such a configuration this one
	// alone. It may wait for etcd for some seconds; ErrConflict says that it does not answer.
	Instances func(ctx context.Context) ([]api.Instance, error)
	// Headroom says how much more load this instance takes, without the summary.
	Headroom func() *api.Headroom
	// RemoveBackend returns when the backend gets no new requests.
	RemoveBackend func(pool, address, author string) error
}

// ConfigDocument is a configuration as text.
type ConfigDocument struct {
	Body []byte
	// ETag names this content, without quotes.
	ETag string
}

// DescribeListeners turns the listeners of a configuration into their API
// values, sorted by name and with zero counters, for the caller to fill in.
func DescribeListeners(c *config.Config) []api.ListenerStatus {
	out := make([]api.ListenerStatus, 0, len(c.Listeners))
	for _, name := range sortedKeys(c.Listeners) {
		l := c.Listeners[name]
		out = append(out, api.ListenerStatus{Name: name, Address: l.Address, TLS: l.TLS != nil})
	}
	return out
}
