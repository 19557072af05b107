package source

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"path"
	"strconv"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// errLocked is a lock that somebody else has.
var errLocked = errors.New("somebody else has the lock")

// Lock waits until nobody has the lock. Who holds it can be read: its value begins with the
// name of the instance.
func (v *Vault) Lock(ctx context.Context, name string) error {
	key, value := v.at(locksFolder, name), v.opts.Instance+"/"+rand.Text()
	for {
		at, err := v.tryLock(ctx, key, value)
		switch {
		case err == nil:
			v.mu.Lock()
			v.mu.locks[name] = value
			v.mu.Unlock()
			return nil
		case !errors.Is(err, errLocked):
			v.remove(ctx, key, value) // whether it is there is not known
			return err
		}
		if err := v.awaitRelease(ctx, key, at); err != nil {
			return err
		}
	}
}

// tryLock puts the lock where there is none; else errLocked, and the revision of that.
func (v *Vault) tryLock(ctx context.Context, key, value string) (at int64, err error) {
	err = v.ask(ctx, "lock", func(ctx context.Context, c *clientv3.Client, lease clientv3.LeaseID) error {
		r, err := c.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
			Then(clientv3.OpPut(key, value, clientv3.WithLease(lease))).Else(clientv3.OpGet(key)).Commit()
		if err != nil || r.Succeeded {
			return err //nolint:wrapcheck // said with what it is about
		}
		if there := r.Responses[0].GetResponseRange().Kvs[0]; string(there.Value) == value {
			return nil // asked twice by the client
		}
		at = r.Header.Revision
		return errLocked
	})
	return at, err
}

// awaitRelease waits until a lock is gone that was there at a revision, or a beat long: it is
// tried again anyway.
func (v *Vault) awaitRelease(ctx context.Context, key string, at int64) error {
	c, _, err := v.reach(ctx)
	if err != nil {
		return fmt.Errorf("cannot wait for a lock: %w", err)
	}
	within, cancel := context.WithTimeout(ctx, v.opts.pace.beat)
	defer cancel()
	for told := range c.Watch(clientv3.WithRequireLeader(within), key, clientv3.WithRev(at+1)) {
		for _, e := range told.Events {
			if e.Type == mvccpb.DELETE {
				return nil
			}
		}
	}
	<-within.Done()  // a watch that failed: the next question says why
	return ctx.Err() //nolint:wrapcheck // it says all there is
}

// Unlock gives a lock back, at once or when etcd answers again.
func (v *Vault) Unlock(ctx context.Context, name string) error {
	v.mu.Lock()
	value, held := v.mu.locks[name]
	delete(v.mu.locks, name)
	v.mu.Unlock()
	if !held {
		return fmt.Errorf("cannot unlock %q: it is not locked", name)
	}
	v.remove(ctx, v.at(locksFolder, name), value)
	return nil
}

// remove removes a key of ours, where it still has this value; where etcd does not answer, later.
func (v *Vault) remove(ctx context.Context, key, value string) {
	v.mu.Lock()
	v.mu.left[key+"\x00"+value] = value
	v.mu.Unlock()
	if c, _, err := v.reach(ctx); err == nil {
		v.removeLeft(ctx, c)
	}
}

// removeLeft removes what is left to be removed.
func (v *Vault) removeLeft(ctx context.Context, c *clientv3.Client) {
	v.mu.Lock()
	left := maps.Clone(v.mu.left)
	v.mu.Unlock()
	for entry, value := range left {
		key := entry[:len(entry)-len(value)-1]
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), v.opts.pace.call)
		_, err := c.Txn(within).If(clientv3.Compare(clientv3.Value(key), "=", value)).Then(clientv3.OpDelete(key)).Commit()
		cancel()
		if err != nil {
			v.lost(c, err)
			return
		}
		v.mu.Lock()
		delete(v.mu.left, entry)
		v.mu.Unlock()
	}
}

// Announce tells all instances of a text under a name, and returns when those that live have
// heard of it, or after the bound of a call: one that is frozen does not keep the others.
func (v *Vault) Announce(ctx context.Context, name string, text []byte) error {
	var at int64
	err := v.ask(ctx, "announce", func(ctx context.Context, c *clientv3.Client, lease clientv3.LeaseID) error {
		r, err := c.Put(ctx, v.at(challengesFolder, name), string(text), clientv3.WithLease(lease))
		if err == nil {
			at = r.Header.Revision
		}
		return err //nolint:wrapcheck // said with what it is about
	})
	v.mu.Lock()
	v.mu.announced[name] = string(text)
	v.mu.Unlock()
	if err != nil {
		return errors.Join(err, v.Withdraw(ctx, name)) // whether it is there is not known
	}
	c, _, err := v.reach(ctx)
	if err != nil {
		return fmt.Errorf("cannot announce: %w", err)
	}
	within, cancel := context.WithTimeout(ctx, v.opts.pace.call)
	defer cancel()
	if deaf := v.awaitHeard(within, c, at); deaf > 0 {
		v.opts.Logger.Warn().Int("instances", deaf).Dur("waited_ms", v.opts.pace.call).
			Msg("instances do not hear of challenges in time: a validation that reaches one of them fails")
	}
	return nil
}

// awaitHeard waits until all instances know the challenges of a revision, and counts those that
// do not in time.
func (v *Vault) awaitHeard(ctx context.Context, c *clientv3.Client, at int64) (deaf int) {
	r, err := c.Get(ctx, v.at(heardFolder), clientv3.WithPrefix())
	if err != nil {
		return 0
	}
	behind := map[string]bool{}
	note := func(kv *mvccpb.KeyValue, gone bool) {
		heard, _ := strconv.ParseInt(string(kv.Value), 10, 64)
		if name := path.Base(string(kv.Key)); gone || heard >= at {
			delete(behind, name)
		} else {
			behind[name] = true
		}
	}
	for _, kv := range r.Kvs {
		note(kv, false)
	}
	if len(behind) == 0 {
		return 0
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	next := clientv3.WithRev(r.Header.Revision + 1)
	for told := range c.Watch(clientv3.WithRequireLeader(ctx), v.at(heardFolder), clientv3.WithPrefix(), next) {
		for _, e := range told.Events {
			note(e.Kv, e.Type == mvccpb.DELETE)
		}
		if len(behind) == 0 || told.Err() != nil {
			break
		}
	}
	return len(behind)
}

// Withdraw takes back what was announced, at once or when etcd answers again.
func (v *Vault) Withdraw(ctx context.Context, name string) error {
	v.mu.Lock()
	text, announced := v.mu.announced[name]
	delete(v.mu.announced, name)
	v.mu.Unlock()
	if announced {
		v.remove(ctx, v.at(challengesFolder, name), text)
	}
	return nil
}
