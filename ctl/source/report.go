package source

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Report is what stands at KEY/instances/NAME, for as long as the instance lives.
type Report struct {
	Instance   string   `json:"instance"`
	Boot       string   `json:"boot"`
	Generation uint64   `json:"generation"`
	ETag       string   `json:"etag"`
	Revision   int64    `json:"revision"` // of the document that it runs
	Refused    *Refusal `json:"refused,omitempty"`
	Version    string   `json:"version"`
	At         string   `json:"at"` // when it last became so, RFC 3339
}

// Refusal is a document that an instance does not run.
type Refusal struct {
	Revision int64  `json:"revision"`
	Reason   string `json:"reason"`
}

// reporter tells how this instance is doing, during one session. Nothing depends on it: what
// fails is said, and tried again.
type reporter struct {
	*Source

	client  *clientv3.Client
	lease   clientv3.LeaseID // 0 before the first
	said    Report
	twin    string    // who else has this name, by its boot
	since   time.Time // when that was seen first
	failing bool      // was said
}

// report has the report stand there.
func (r *reporter) report(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.pace.call)
	defer cancel()
	err := r.live(ctx)
	if err == nil {
		err = r.claim(ctx)
	}
	if err != nil && ctx.Err() == nil && !r.failing {
		r.log.Warn().Err(err).Str("key", r.key()).Msg("cannot report this instance in etcd: others do not see how it is doing")
	}
	r.failing = err != nil
}

func (r *reporter) key() string { return r.opts.Etcd.Key + "/instances/" + r.opts.Instance }

// live keeps the lease alive, or takes one.
func (r *reporter) live(ctx context.Context) error {
	if r.lease != 0 {
		_, err := r.client.KeepAliveOnce(ctx, r.lease)
		if !errors.Is(err, rpctypes.ErrLeaseNotFound) {
			return err //nolint:wrapcheck // said with what it is about
		}
	}
	l, err := r.client.Grant(ctx, int64(r.opts.pace.lease/time.Second))
	if err != nil {
		return err //nolint:wrapcheck // said with what it is about
	}
	r.lease = l.ID
	return nil
}

// claim puts the report, unless another instance has done so under this name.
func (r *reporter) claim(ctx context.Context) error {
	text, err := json.Marshal(r.now())
	if err != nil {
		return err //nolint:wrapcheck // said with what it is about
	}
	put := clientv3.OpPut(r.key(), string(text), clientv3.WithLease(r.lease))
	t, err := r.client.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(r.key()), "=", 0)).Then(put).Else(clientv3.OpGet(r.key())).Commit()
	if err != nil {
		return err //nolint:wrapcheck // said with what it is about
	}
	if t.Succeeded {
		r.alone()
		return nil
	}
	there := t.Responses[0].GetResponseRange().Kvs[0]
	if clientv3.LeaseID(there.Lease) != r.lease && !r.isMine(there) {
		return nil
	}
	r.alone()
	if clientv3.LeaseID(there.Lease) == r.lease && bytes.Equal(there.Value, text) {
		return nil
	}
	_, err = r.client.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision(r.key()), "=", there.ModRevision)).Then(put).Commit()
	return err //nolint:wrapcheck // said with what it is about
}

// now is the report; At stays while nothing changes.
func (r *reporter) now() Report {
	run, st := r.opts.Running(), r.State()
	next := Report{
		Instance: r.opts.Instance, Boot: run.Boot, Generation: run.Generation, ETag: run.ETag, Revision: st.Revision,
		Version: r.opts.Version, At: r.said.At,
	}
	if st.Refused != nil {
		next.Refused = &Refusal{Revision: st.Refused.Revision, Reason: st.Refused.Reason}
	}
	was := r.said
	if was.Refused != nil && next.Refused != nil && *was.Refused == *next.Refused {
		was.Refused = next.Refused // the same, to compare
	}
	if next != was {
		next.At = time.Now().UTC().Format(time.RFC3339)
		r.said = next
	}
	return next
}

// isMine reports that a report under another lease is one of this process, of a session
// before. That of somebody else is of a process that has ended, or that drains after an
// upgrade, until its lease would have ended twice over.
func (r *reporter) isMine(there *mvccpb.KeyValue) bool {
	var other Report
	_ = json.Unmarshal(there.Value, &other) // what is no report is of somebody else
	if other.Boot == r.opts.Running().Boot {
		return true
	}
	if r.twin != other.Boot || r.since.IsZero() {
		r.twin, r.since = other.Boot, time.Now()
		return false
	}
	if time.Since(r.since) < 2*r.opts.pace.lease {
		return false
	}
	r.mu.Lock()
	known := r.mu.twin != ""
	r.mu.twin = "another instance (boot " + other.Boot + ") has the name " + r.opts.Instance + " as well"
	r.mu.Unlock()
	if !known {
		r.log.Error().Str("instance", r.opts.Instance).Str("boot", other.Boot).
			Msg("another instance has the same name: give each its own (key instance), or nobody sees how this one is doing")
	}
	return false
}

// alone notes that nobody else has this name.
func (r *reporter) alone() {
	r.twin, r.since = "", time.Time{}
	r.mu.Lock()
	r.mu.twin = ""
	r.mu.Unlock()
}

// leaveTime bounds how long the end of a process waits for etcd.
const leaveTime = time.Second

// leave takes the report away, where etcd answers; else its lease does.
func (r *reporter) leave(ctx context.Context) {
	if r.lease == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
	defer cancel()
	_, _ = r.client.Revoke(ctx, r.lease) // it ends by itself
}
