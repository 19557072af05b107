package source

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// follow has one session after the other until ctx ends, and gives the lease back.
func (v *Vault) follow(ctx context.Context) {
	defer v.lost(nil, errStopped)
	v.opts.pace.follow(ctx, v.session, func(err error) { v.lost(nil, err) })
}

// session connects, and takes part until something fails. The lease is that of the session
// before, as long as etcd has it: a lock outlives a connection that was lost.
func (v *Vault) session(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c, err := connect(v.opts.Etcd, &v.opts.pace)
	if err != nil {
		return err
	}
	defer c.Close()
	defer v.leave(ctx, c)
	if err := v.live(ctx, c); err != nil {
		return err
	}
	at, err := v.hear(ctx, c)
	if err != nil {
		return err
	}
	v.met(c)
	below := []clientv3.OpOption{clientv3.WithPrefix(), clientv3.WithRev(at + 1)}
	challenges, values := watch(ctx, c, v.at(challengesFolder), below...), watch(ctx, c, v.at(valuesFolder), below...)
	beat := time.NewTicker(v.opts.pace.beat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case told, open := <-challenges:
			if err := failureOf("certificates in etcd", &told, open); err != nil {
				return err
			}
			if _, err := v.hear(ctx, c); err != nil {
				return err
			}
		case told, open := <-values:
			if err := failureOf("certificates in etcd", &told, open); err != nil {
				return err
			}
			v.changed(told.Events)
		case <-beat.C:
			if err := v.beat(ctx, c); err != nil {
				return err
			}
		}
	}
}

// beat keeps the lease alive, and notices that somebody else has ended the session.
func (v *Vault) beat(ctx context.Context, c *clientv3.Client) error {
	v.mu.Lock()
	mine, problem, lease := v.mu.client == c, v.mu.problem, v.mu.lease
	v.mu.Unlock()
	if !mine {
		return errors.New(problem) //nolint:err113 // of the call that met it
	}
	if err := v.live(ctx, c); err != nil {
		return err
	}
	v.removeLeft(ctx, c)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.mu.lease != lease {
		return errLeaseLost
	}
	return nil
}

// errLeaseLost is a lease that has ended while etcd was not reached: what hung on it is gone, and
// the session begins anew.
var errLeaseLost = errors.New("the lease has ended meanwhile")

// live keeps the lease alive, or takes one.
func (v *Vault) live(ctx context.Context, c *clientv3.Client) error {
	ctx, cancel := context.WithTimeout(ctx, v.opts.pace.call)
	defer cancel()
	v.mu.Lock()
	lease := v.mu.lease
	v.mu.Unlock()
	if lease != 0 {
		_, err := c.KeepAliveOnce(ctx, lease)
		if err == nil {
			return nil
		}
		if !errors.Is(err, rpctypes.ErrLeaseNotFound) {
			return fmt.Errorf("cannot keep the lease alive: %w", err)
		}
	}
	l, err := c.Grant(ctx, int64(v.opts.pace.lease/time.Second))
	if err != nil {
		return fmt.Errorf("cannot take a lease: %w", err)
	}
	v.mu.Lock()
	v.mu.lease = l.ID
	v.mu.Unlock()
	return nil
}

// hear reads all challenges, has them answered here, and tells who waits for that. They are few,
// and there are none nearly always. It returns their revision.
func (v *Vault) hear(ctx context.Context, c *clientv3.Client) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, v.opts.pace.call)
	defer cancel()
	r, err := c.Get(ctx, v.at(challengesFolder), clientv3.WithPrefix())
	if err != nil {
		return 0, fmt.Errorf("cannot read challenges: %w", err)
	}
	all := map[string][]byte{}
	for _, kv := range r.Kvs {
		all[strings.TrimPrefix(string(kv.Key), v.at(challengesFolder))] = kv.Value
	}
	v.opts.Told(all)
	v.mu.Lock()
	lease := v.mu.lease
	v.mu.Unlock()
	name, heard := v.at(heardFolder, strconv.FormatInt(int64(lease), 16)), strconv.FormatInt(r.Header.Revision, 10)
	_, err = c.Put(ctx, name, heard, clientv3.WithLease(lease))
	if err != nil {
		return 0, fmt.Errorf("cannot tell that challenges were heard of: %w", err)
	}
	return r.Header.Revision, nil
}

// changed tells of values that were put.
func (v *Vault) changed(events []*clientv3.Event) {
	for _, e := range events {
		if e.Type == mvccpb.PUT {
			v.opts.Changed(strings.TrimPrefix(string(e.Kv.Key), v.at(valuesFolder)))
		}
	}
}

// met notes that etcd answers.
func (v *Vault) met(c *clientv3.Client) {
	v.mu.Lock()
	was := v.mu.problem
	v.mu.client, v.mu.problem = c, ""
	v.mu.Unlock()
	v.begun()
	if was != "" && was != notAsked {
		v.opts.Logger.Info().Str("key", v.at()).Msg("etcd answers: certificates are shared again")
	}
}

// lost notes that a client does not reach etcd any more, or none does, and says so once.
func (v *Vault) lost(c *clientv3.Client, err error) {
	v.mu.Lock()
	if c != nil && v.mu.client != c {
		v.mu.Unlock()
		return
	}
	was := v.mu.client != nil || v.mu.problem == notAsked
	v.mu.client, v.mu.problem = nil, err.Error()
	v.mu.Unlock()
	v.begun()
	if was && !errors.Is(err, errStopped) {
		v.opts.Logger.Warn().Err(err).Str("key", v.at()).
			Msg("certificates cannot be shared through etcd: those there are go on, and none is ordered until it answers")
	}
}

// begun closes first, once.
func (v *Vault) begun() {
	v.mu.Lock()
	defer v.mu.Unlock()
	select {
	case <-v.first:
	default:
		close(v.first)
	}
}

// leave gives the lease back at the end of the process, where etcd answers; else it ends itself.
func (v *Vault) leave(ctx context.Context, c *clientv3.Client) {
	if ctx.Err() == nil {
		return
	}
	v.mu.Lock()
	lease := v.mu.lease
	v.mu.client, v.mu.problem = nil, errStopped.Error()
	v.mu.Unlock()
	if lease == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
	defer cancel()
	_, _ = c.Revoke(ctx, lease) // it ends by itself
}
