package source

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/isame-lb/isame-lb/pool/safely"
)

// errUnasked is a watch that ended without an error of its own.
var errUnasked = errors.New("etcd has ended the watch")

// follow has one session after the other until ctx ends, and tells lost why one has ended
// before that. The pauses between them grow, unless one went well for a while.
func (p *pace) follow(ctx context.Context, session func(context.Context) error, lost func(error)) {
	pause := p.least
	for ctx.Err() == nil {
		began := time.Now()
		err := session(ctx)
		if ctx.Err() != nil {
			return
		}
		lost(err)
		if time.Since(began) > p.most {
			pause = p.least
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause)): // not all instances at once
		}
		pause = min(2*pause, p.most)
	}
}

// watch tells of changes of a key, or of what more says, until ctx ends. It has a goroutine of
// its own, since a server that is silent may keep the very begin of a watch from returning.
func watch(ctx context.Context, c *clientv3.Client, key string, more ...clientv3.OpOption) <-chan clientv3.WatchResponse {
	changes := make(chan clientv3.WatchResponse)
	safely.GoThen("etcd", func() {
		for told := range c.Watch(clientv3.WithRequireLeader(ctx), key, more...) {
			select {
			case changes <- told:
			case <-ctx.Done():
				return
			}
		}
	}, func() { close(changes) })
	return changes
}

// failureOf is why what a watch of something has told ends a session; nil: it does not.
func failureOf(what string, told *clientv3.WatchResponse, open bool) error {
	if !open {
		return errUnasked
	}
	if err := told.Err(); err != nil {
		return fmt.Errorf("cannot watch %s: %w", what, err)
	}
	return nil
}
