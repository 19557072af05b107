package source

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// Vault is what the instances of a fleet share of their certificates, below KEY/acme/: values
// with private keys among them, locks, challenges, and what has failed. What it is asked fails
// at once while etcd does not answer, so that nobody waits for it who serves. Its methods may
// be called by any goroutine.
//
// All that must end with an instance hangs on one lease: locks, challenges, and how far it has
// heard of those of the others.
type Vault struct {
	opts   VaultOptions
	cancel context.CancelFunc
	ended  chan struct{}
	first  chan struct{} // closed when the first session has begun or failed

	mu struct {
		sync.Mutex
		client  *clientv3.Client  // nil while there is no session
		lease   clientv3.LeaseID  // 0 before the first
		problem string            // why there is no session
		locks   map[string]string // those held, with their values

		announced map[string]string
		left      map[string]string // keys of ours that are to be removed, with their values, and these
	}
}

// VaultOptions are what a Vault gets from the process.
type VaultOptions struct {
	Etcd *config.Etcd
	// Instance is the name of this one, for who looks at locks.
	Instance string
	// Told gets all challenges at each change, Changed the key of a value that was put. They are
	// called by one goroutine.
	Told    func(challenges map[string][]byte)
	Changed func(key string)
	Logger  zerolog.Logger

	pace pace // of tests; else the usual one
}

// Folders below KEY/acme/.
const (
	valuesFolder     = "values/"
	locksFolder      = "locks/"
	challengesFolder = "challenges/"
	heardFolder      = "heard/" // by lease: the revision of the challenges that an instance knows
	failedFolder     = "failed/"
)

// OpenVault begins to follow it, until Stop.
func OpenVault(o VaultOptions) *Vault {
	if o.pace == (pace{}) {
		o.pace = usual
	}
	v := &Vault{opts: o, ended: make(chan struct{}), first: make(chan struct{})}
	v.mu.problem = notAsked
	v.mu.locks, v.mu.announced, v.mu.left = map[string]string{}, map[string]string{}, map[string]string{}
	ctx, cancel := context.WithCancel(context.Background())
	v.cancel = cancel
	safely.GoThen("etcd vault", func() { v.follow(ctx) }, func() { close(v.ended) })
	return v
}

// Stop gives back all that hangs on the lease. It does not wait: Ended is closed when that is
// done, after a few seconds at most.
func (v *Vault) Stop() { v.cancel() }

// Ended is closed when nothing is asked any more.
func (v *Vault) Ended() <-chan struct{} { return v.ended }

// at is a key of etcd.
func (v *Vault) at(parts ...string) string {
	return v.opts.Etcd.Key + "/acme/" + strings.Join(parts, "")
}

// reach is the client, once the first session has begun or failed, and the lease.
func (v *Vault) reach(ctx context.Context) (*clientv3.Client, clientv3.LeaseID, error) {
	select {
	case <-v.first:
	case <-v.ended:
	case <-ctx.Done():
		return nil, 0, ctx.Err() //nolint:wrapcheck // it says all there is
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.mu.client == nil {
		return nil, 0, fmt.Errorf("etcd cannot be reached: %s", v.mu.problem)
	}
	return v.mu.client, v.mu.lease, nil
}

// ask asks one question, within the bound of a call.
func (v *Vault) ask(ctx context.Context, what string, question func(context.Context, *clientv3.Client, clientv3.LeaseID) error) error {
	c, lease, err := v.reach(ctx)
	if err != nil {
		return fmt.Errorf("cannot %s: %w", what, err)
	}
	within, cancel := context.WithTimeout(ctx, v.opts.pace.call)
	defer cancel()
	if err := question(within, c, lease); err != nil {
		if ctx.Err() == nil && within.Err() != nil {
			v.lost(c, err) // whoever asks next does not wait as long
		}
		return fmt.Errorf("cannot %s in etcd: %w", what, err)
	}
	return nil
}

// Values are those that stand in a folder, by their whole keys, all of one moment.
func (v *Vault) Values(ctx context.Context, folder string) (map[string][]byte, error) {
	values := map[string][]byte{}
	err := v.ask(ctx, "read", func(ctx context.Context, c *clientv3.Client, _ clientv3.LeaseID) error {
		r, err := c.Get(ctx, v.at(valuesFolder, folder, "/"), clientv3.WithPrefix())
		if err != nil {
			return err //nolint:wrapcheck // said with what it is about
		}
		for _, kv := range r.Kvs {
			if key := strings.TrimPrefix(string(kv.Key), v.at(valuesFolder)); path.Dir(key) == folder {
				values[key] = kv.Value
			}
		}
		return nil
	})
	return values, err
}

// Keys are those of everything below a folder.
func (v *Vault) Keys(ctx context.Context, folder string) (keys []string, err error) {
	err = v.ask(ctx, "list", func(ctx context.Context, c *clientv3.Client, _ clientv3.LeaseID) error {
		r, err := c.Get(ctx, v.at(valuesFolder, folder, "/"), clientv3.WithPrefix(), clientv3.WithKeysOnly())
		if err != nil {
			return err //nolint:wrapcheck // said with what it is about
		}
		for _, kv := range r.Kvs {
			keys = append(keys, strings.TrimPrefix(string(kv.Key), v.at(valuesFolder)))
		}
		return nil
	})
	return keys, err
}

// Put puts values at once.
func (v *Vault) Put(ctx context.Context, values map[string][]byte) error {
	return v.ask(ctx, "put", func(ctx context.Context, c *clientv3.Client, _ clientv3.LeaseID) error {
		puts := make([]clientv3.Op, 0, len(values))
		for key, value := range values {
			puts = append(puts, clientv3.OpPut(v.at(valuesFolder, key), string(value)))
		}
		_, err := c.Txn(ctx).Then(puts...).Commit()
		return err //nolint:wrapcheck // said with what it is about
	})
}

// Remove removes a value, and all that stands below it.
func (v *Vault) Remove(ctx context.Context, key string) error {
	return v.ask(ctx, "remove", func(ctx context.Context, c *clientv3.Client, _ clientv3.LeaseID) error {
		_, err := c.Txn(ctx).Then(clientv3.OpDelete(v.at(valuesFolder, key)),
			clientv3.OpDelete(v.at(valuesFolder, key, "/"), clientv3.WithPrefix())).Commit()
		return err //nolint:wrapcheck // said with what it is about
	})
}

// HoldOff has Held give why, for a time, on all instances.
func (v *Vault) HoldOff(ctx context.Context, name, why string, d time.Duration) error {
	return v.ask(ctx, "hold off", func(ctx context.Context, c *clientv3.Client, _ clientv3.LeaseID) error {
		l, err := c.Grant(ctx, max(1, int64(d/time.Second)))
		if err == nil {
			_, err = c.Put(ctx, v.at(failedFolder, name), v.opts.Instance+": "+why, clientv3.WithLease(l.ID))
		}
		return err //nolint:wrapcheck // said with what it is about
	})
}

// Held is why nothing is to be tried now; empty where nothing is in its way.
func (v *Vault) Held(ctx context.Context, name string) (why string, err error) {
	err = v.ask(ctx, "read", func(ctx context.Context, c *clientv3.Client, _ clientv3.LeaseID) error {
		r, err := c.Get(ctx, v.at(failedFolder, name))
		if err == nil && len(r.Kvs) > 0 {
			why = string(r.Kvs[0].Value)
		}
		return err //nolint:wrapcheck // said with what it is about
	})
	return why, err
}

// errStopped is a vault that is asked after its end.
var errStopped = errors.New("this instance ends")
