package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// authorKey is where the signature of the document stands, put by the same transaction.
func (s *Source) authorKey() string { return s.opts.Etcd.Key + "/author" }

// session connects, and takes part until something fails: then what is known may be wrong,
// and the next one reads anew. The watch tells that there is something; what it is, is read,
// with the signature beside it. A look at each beat finds what a watch does not tell: servers
// that are silent, and a cluster that was restored to an older state.
func (s *Source) session(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c, err := connect(s.opts.Etcd, &s.opts.pace)
	if err != nil {
		return err
	}
	defer c.Close()
	d, at, err := s.read(ctx, c)
	if err != nil && !errors.Is(err, ErrAbsent) {
		return err
	}
	s.met(c)
	s.saw(d)
	changes := watch(ctx, c, s.opts.Etcd.Key, clientv3.WithRev(at+1))
	r := reporter{Source: s, client: c}
	defer r.leave(ctx)
	r.report(ctx)
	beat := time.NewTicker(s.opts.pace.beat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case told, open := <-changes:
			if err := failureOf("the key", &told, open); err != nil {
				return err
			}
			if len(told.Events) == 0 {
				continue
			}
			if err := s.readAgain(ctx, c); err != nil {
				return err
			}
		case <-s.speak:
			r.report(ctx)
		case <-beat.C:
			if err := s.look(ctx, c); err != nil {
				return err
			}
			r.report(ctx)
		}
	}
}

// met notes that etcd answers.
func (s *Source) met(c *clientv3.Client) {
	s.mu.Lock()
	was := s.mu.problem
	s.mu.client, s.mu.problem = c, ""
	s.mu.Unlock()
	if was != "" {
		s.log.Info().Strs("endpoints", s.opts.Etcd.URLs()).Str("key", s.opts.Etcd.Key).Msg("etcd answers: following the key")
	}
}

// lost notes that it does not any more, and says so once.
func (s *Source) lost(err error) {
	if errors.Is(err, rpctypes.ErrCompacted) {
		s.log.Info().Err(err).Msg("etcd has dropped what changed meanwhile: reading the document anew")
	}
	s.mu.Lock()
	was := s.mu.client != nil || s.mu.problem == notAsked
	s.mu.client, s.mu.problem = nil, err.Error()
	s.mu.Unlock()
	if was {
		s.log.Warn().Err(err).Strs("endpoints", s.opts.Etcd.URLs()).Msg("etcd cannot be reached: what runs goes on, and it is tried again")
	}
}

// read asks for the document and its signature, both of one moment, and for the revision
// of that. The error is ErrAbsent where there is no document.
func (s *Source) read(ctx context.Context, c *clientv3.Client) (*Document, int64, error) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.pace.call)
	defer cancel()
	r, err := c.Txn(ctx).Then(s.gets()...).Commit()
	if err != nil {
		return nil, 0, fmt.Errorf("cannot read the key: %w", err)
	}
	d := documentOf(r.Header, r.Responses)
	if d == nil {
		return nil, r.Header.Revision, ErrAbsent
	}
	return d, r.Header.Revision, nil
}

func (s *Source) gets() []clientv3.Op {
	return []clientv3.Op{clientv3.OpGet(s.opts.Etcd.Key), clientv3.OpGet(s.authorKey())}
}

// documentOf is what gets has led to; nil where there is no document.
func documentOf(h *etcdserverpb.ResponseHeader, rs []*etcdserverpb.ResponseOp) *Document {
	kvs := rs[0].GetResponseRange().Kvs
	if len(kvs) == 0 {
		return nil
	}
	d := &Document{Text: kvs[0].Value, Revision: kvs[0].ModRevision, Cluster: h.ClusterId}
	for _, kv := range rs[1].GetResponseRange().Kvs {
		if kv.ModRevision == d.Revision { // else it is of a document before
			_ = json.Unmarshal(kv.Value, &d.By) // who wrote something else there is not known
		}
	}
	return d
}

// readAgain notes what lies at the key now.
func (s *Source) readAgain(ctx context.Context, c *clientv3.Client) error {
	d, _, err := s.read(ctx, c)
	if err != nil && !errors.Is(err, ErrAbsent) {
		return err
	}
	s.saw(d)
	return nil
}

// look compares what is known with what etcd holds, without the document itself.
func (s *Source) look(ctx context.Context, c *clientv3.Client) error {
	within, cancel := context.WithTimeout(ctx, s.opts.pace.call)
	defer cancel()
	r, err := c.Get(within, s.opts.Etcd.Key, clientv3.WithKeysOnly())
	if err != nil {
		return fmt.Errorf("cannot look at the key: %w", err)
	}
	s.mu.Lock()
	known, absent := s.mu.latest, s.mu.absent
	s.mu.Unlock()
	switch {
	case len(r.Kvs) == 0 && absent:
		return nil
	case len(r.Kvs) == 1 && !absent && known != nil && known.Revision == r.Kvs[0].ModRevision && known.Cluster == r.Header.ClusterId:
		return nil
	}
	return s.readAgain(ctx, c)
}
