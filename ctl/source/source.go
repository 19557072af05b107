// Package source takes a configuration from a key of etcd, which several instances share:
// it reads the document, follows its changes, puts what is applied over the API, keeps the
// last good copy on the disk, and tells the others how this instance is doing.
//
// Start reading at Source, then follow.go (sessions one after the other), session.go (one connection: read, watch, look again),
// put.go (compare and put), report.go (what others see of this instance), others.go (what it sees of them), copy.go (the
// copy on the disk), connect.go (the client of etcd). Beside it stands Vault, what the
// instances share of their certificates: vault.go, vault_session.go, vault_lock.go.
//
// It knows nothing of what a document means: whoever takes one says so by Taken or Refused.
// Imported by cmd/run; imports config, ctl/api, ctl/store and pool/safely.
package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/store"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// Document is what lay at the key at some time. It is not changed.
type Document struct {
	Text []byte
	// Revision is that of etcd at which it was put, Cluster the identifier of the cluster.
	Revision int64
	Cluster  uint64
	// By is who put it over the API of an instance; empty where that is not known.
	By Signature
	// Cached says that it is the copy on the disk, and was not seen in etcd since the start.
	Cached bool
}

// same reports that it is the same document, put by the same change.
func (d *Document) same(other *Document) bool {
	return d != nil && other != nil && d.Revision == other.Revision && d.Cluster == other.Cluster && bytes.Equal(d.Text, other.Text)
}

// Signature is who put a document, and why.
type Signature struct {
	Author   string `json:"author"`
	Instance string `json:"instance"`
	Message  string `json:"message,omitempty"`
}

// Running is what this instance runs.
type Running struct {
	Boot       string
	Generation uint64
	ETag       string
}

// Errors of Read and Put.
var (
	// ErrAbsent says that there is no document at the key.
	ErrAbsent = errors.New("there is no document at the key")
	// ErrStale says that the document is not the one that a change was made for.
	ErrStale = errors.New("the document in etcd is another one by now")
)

// Options are what a Source gets from the process.
type Options struct {
	Etcd *config.Etcd
	// Instance is the name of this one.
	Instance string
	// Version is that of the program.
	Version string
	// CopyFile keeps the last good document; empty keeps none.
	CopyFile string
	// Running is what runs; it may be called by any goroutine.
	Running func() Running
	Logger  zerolog.Logger

	pace pace // of tests; else the usual one
}

// pace is how long things take at most, and how often they are done.
type pace struct {
	call       time.Duration // bounds one question to etcd
	start      time.Duration // bounds the questions of a start, together with the last call
	beat       time.Duration // between two looks and signs of life
	lease      time.Duration // how long a report outlives its instance
	least      time.Duration // before the first try to connect anew
	most       time.Duration // before each further one
	silentTime time.Duration // keepalive of a connection, and how long it may take
}

var usual = pace{
	call: 3 * time.Second, start: 5 * time.Second, beat: 5 * time.Second, lease: 15 * time.Second,
	least: 200 * time.Millisecond, most: 5 * time.Second, silentTime: 10 * time.Second,
}

// notAsked is the problem before the first session.
const notAsked = "it was not asked yet"

// Source is the document at the key, as far as it is known. Its methods may be called by
// any goroutine.
type Source struct {
	opts   Options
	log    zerolog.Logger
	news   chan struct{} // holds one while there may be something to take
	speak  chan struct{} // holds one while the report may be another one
	cancel context.CancelFunc
	ended  chan struct{}

	mu struct {
		sync.Mutex
		client  *clientv3.Client // nil while there is no session
		latest  *Document        // seen last; nil where there is none
		absent  bool             // etcd holds no document
		taken   *Document        // what runs came from it
		refused *Document        // not to be tried again
		reason  string           // why
		problem string           // why there is no session; empty while there is one
		twin    string           // another instance with this name
	}

	// asking is held by who asks how the others are doing: a second one waits for that answer.
	asking struct {
		sync.Mutex
		last Reports
		at   time.Time // zero before the first
	}
}

// New makes a Source; nothing is asked before Read or Follow. What processes that were killed left
// beside the copy is removed.
func New(o Options) *Source {
	if o.pace == (pace{}) {
		o.pace = usual
	}
	s := &Source{opts: o, log: o.Logger, news: make(chan struct{}, 1), speak: make(chan struct{}, 1), ended: make(chan struct{})}
	s.mu.problem = notAsked
	if o.CopyFile != "" {
		store.Tidy(o.CopyFile)
	}
	return s
}

// Name stands for the document in problems.
func (s *Source) Name() string { return "etcd:" + s.opts.Etcd.Key }

// String names the key and where it lies.
func (s *Source) String() string {
	return fmt.Sprintf("key %s of etcd at %s", s.opts.Etcd.Key, strings.Join(s.opts.Etcd.URLs(), ", "))
}

// Read asks etcd for the document, for the start of the process: again and again within a
// bound of a few seconds, since etcd may be about to start as well.
func (s *Source) Read(ctx context.Context) (*Document, error) {
	limit := time.After(s.opts.pace.start)
	for {
		d, err := s.readOnce(ctx)
		if err == nil {
			s.mu.Lock()
			s.mu.latest = d
			s.mu.Unlock()
		}
		if err == nil || errors.Is(err, ErrAbsent) {
			return d, err
		}
		select {
		case <-limit:
			return nil, err
		case <-ctx.Done():
			return nil, err
		case <-time.After(s.opts.pace.least):
		}
	}
}

func (s *Source) readOnce(ctx context.Context) (*Document, error) {
	c, err := connect(s.opts.Etcd, &s.opts.pace)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	d, _, err := s.read(ctx, c)
	return d, err
}

// Follow begins to follow the document, from what was taken on, until Stop.
func (s *Source) Follow() {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	safely.GoThen("etcd", func() { s.opts.pace.follow(ctx, s.session, s.lost) }, func() { close(s.ended) })
}

// Stop ends what Follow began; the report of this instance goes with it. It does not wait:
// Ended is closed when it has ended, after a few seconds at most.
func (s *Source) Stop() { s.cancel() }

// Ended is closed when nothing is asked any more.
func (s *Source) Ended() <-chan struct{} { return s.ended }

// News tells that there may be something for Pending.
func (s *Source) News() <-chan struct{} { return s.news }

// Pending is the document that was neither taken nor refused; nil where there is none.
func (s *Source) Pending() *Document {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.mu.latest; d != nil && !d.same(s.mu.taken) && !d.same(s.mu.refused) {
		return d
	}
	return nil
}

// Current is the document that runs; nil before the first one.
func (s *Source) Current() *Document {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.taken
}

// Taken says that a document runs. It is the last good one from now on.
func (s *Source) Taken(d *Document) {
	s.mu.Lock()
	s.mu.taken = d
	if !d.Cached { // beside the copy, what was refused still is
		s.mu.refused, s.mu.reason = nil, ""
	}
	s.mu.Unlock()
	ring(s.speak)
	if d.Cached {
		return
	}
	if err := s.keep(d); err != nil {
		s.log.Error().Err(err).Msg("cannot keep a copy of the configuration: a start without etcd finds an older one, or none")
	}
}

// Refused says that a document does not run, and why. It is not offered again before it changes, or Retry.
func (s *Source) Refused(d *Document, reason string) {
	s.mu.Lock()
	s.mu.refused, s.mu.reason = d, reason
	s.mu.Unlock()
	ring(s.speak)
}

// Retry offers a document again that was refused.
func (s *Source) Retry() {
	s.mu.Lock()
	s.mu.refused, s.mu.reason = nil, ""
	s.mu.Unlock()
}

// State is how it is doing.
func (s *Source) State() api.EtcdState {
	e := s.opts.Etcd
	s.mu.Lock()
	defer s.mu.Unlock()
	st := api.EtcdState{
		Endpoints: e.URLs(), Key: e.Key, Connected: s.mu.problem == "", Problem: s.mu.problem, SameName: s.mu.twin,
	}
	if d := s.mu.taken; d != nil {
		st.Revision, st.Cached, st.Cluster = d.Revision, d.Cached, fmt.Sprintf("%016x", d.Cluster)
	}
	if s.mu.latest != nil {
		st.Latest = s.mu.latest.Revision
	}
	if s.mu.absent {
		st.Problem = ErrAbsent.Error()
	}
	if s.mu.refused != nil {
		st.Refused = &api.EtcdRefusal{Revision: s.mu.refused.Revision, Reason: s.mu.reason}
	}
	return st
}

// saw notes what lies at the key: nil is nothing.
func (s *Source) saw(d *Document) {
	s.mu.Lock()
	was := s.mu.absent
	s.mu.absent = d == nil
	news := false
	if d != nil {
		news = !d.same(s.mu.latest)
		s.mu.latest = d
		if d.same(s.mu.taken) {
			s.mu.taken = d // not only a copy any more
		}
	}
	s.mu.Unlock()
	if d == nil && !was {
		s.log.Warn().Str("key", s.opts.Etcd.Key).Msg("there is no document at the key of etcd any more: what runs goes on")
	}
	if news {
		ring(s.news)
	}
}

// ring never waits: one that was not heard yet is as good as two.
func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}
