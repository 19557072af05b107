package source

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// Put puts a text at the key, if the document that runs still lies there; with over, if the
// one that was seen last does, refused or not, or none where there was none. At its return the
// text is what was taken. ErrStale where another one lies there, which is Pending then; any
// other error leaves open whether it was put: then it comes back as something new. It takes no
// longer than one call.
func (s *Source) Put(text []byte, by Signature, over bool) error {
	s.mu.Lock()
	c, base, problem := s.mu.client, s.baseLocked(over), s.mu.problem
	s.mu.Unlock()
	if c == nil {
		return fmt.Errorf("etcd cannot be reached: %s", problem)
	}
	by.Instance = s.opts.Instance
	signature, err := json.Marshal(by)
	if err != nil {
		return fmt.Errorf("cannot sign the document: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.opts.pace.call)
	defer cancel()
	began := time.Now()
	r, err := c.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision(s.opts.Etcd.Key), "=", base)).
		Then(clientv3.OpPut(s.opts.Etcd.Key, string(text)), clientv3.OpPut(s.authorKey(), string(signature))).
		Else(s.gets()...).Commit()
	if err != nil {
		return fmt.Errorf("cannot put the document into etcd (after %v; whether it is there is not known): %w",
			time.Since(began).Round(time.Millisecond), err)
	}
	if !r.Succeeded {
		s.saw(documentOf(r.Header, r.Responses))
		return ErrStale
	}
	d := &Document{Text: text, Revision: r.Header.Revision, Cluster: r.Header.ClusterId, By: by}
	s.mu.Lock()
	s.mu.latest, s.mu.absent = d, false
	s.mu.Unlock()
	s.Taken(d)
	return nil
}

// Ready reports whether Put has a chance: ErrStale where it is known already that it has none.
func (s *Source) Ready(over bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.mu.client == nil:
		return fmt.Errorf("etcd cannot be reached: %s", s.mu.problem)
	case !over && (s.mu.absent || !s.mu.latest.same(s.mu.taken)):
		return ErrStale
	}
	return nil
}

// baseLocked is the revision that the key has to have.
func (s *Source) baseLocked(over bool) int64 {
	switch {
	case !over:
		return s.mu.taken.Revision
	case s.mu.absent || s.mu.latest == nil:
		return 0 // none is there
	}
	return s.mu.latest.Revision
}

// Astray reports that etcd holds another document than the one that runs, or none.
func (s *Source) Astray() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.absent || !s.mu.latest.same(s.mu.taken)
}
