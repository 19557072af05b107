package acme

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"

	"github.com/isame-lb/isame-lb/engine/certs/acme/vault"
)

// Share has certificates, accounts, locks and challenges stand where other instances find them,
// beside the folder of the section. It is called once, before there is a keeper. Whoever
// implements it calls Told and Changed, by any goroutine.
func (c *Challenges) Share(s vault.Shared) { c.shared = s }

// Told takes what all instances have announced, by its names, in place of what they had before.
// What is none of ours is left out.
func (c *Challenges) Told(all map[string][]byte) {
	c.change(func() {
		next := make(map[string]posed, len(all))
		for name, text := range all {
			if p, known := c.mu.others[name]; known {
				next[name] = p
				continue
			}
			var a acme.Challenge
			if json.Unmarshal(text, &a) != nil || a.Type != acme.ChallengeTypeHTTP01 && a.Type != acme.ChallengeTypeTLSALPN01 {
				continue
			}
			if p, err := pose(a); err == nil {
				next[name] = p
			}
		}
		c.mu.others = next
	})
}

// announcement is the name of a challenge among the instances. Tokens are characters of base64url.
func announcement(a acme.Challenge) string { return a.Type + "-" + a.Token }

// announce tells the other instances, any of which the server may ask.
func (c *Challenges) announce(ctx context.Context, a acme.Challenge) error {
	text, err := json.Marshal(a)
	if err == nil {
		err = c.shared.Announce(ctx, announcement(a), text)
	}
	if err != nil {
		return fmt.Errorf("cannot tell the other instances of a challenge: %w", err)
	}
	return nil
}

// Changed tells that an instance, perhaps this one, has put a value. The host whose certificate
// it belongs to looks at once, also where its last attempt failed.
func (c *Challenges) Changed(key string) {
	host := path.Base(path.Dir(key))
	c.mu.Lock()
	defer c.mu.Unlock()
	for bell := range c.mu.bells[host] {
		select {
		case bell <- struct{}{}:
		default: // one that was not heard yet is as good
		}
	}
}

// listen has Changed ring for a host, until stop.
func (c *Challenges) listen(host string) (bell chan struct{}, stop func()) {
	if c == nil || c.shared == nil {
		return nil, func() {}
	}
	name := certmagic.StorageKeys.Safe(host)
	bell = make(chan struct{}, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.bells == nil {
		c.mu.bells = map[string]map[chan struct{}]struct{}{}
	}
	if c.mu.bells[name] == nil {
		c.mu.bells[name] = map[chan struct{}]struct{}{}
	}
	c.mu.bells[name][bell] = struct{}{}
	return bell, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.mu.bells[name], bell)
		if len(c.mu.bells[name]) == 0 {
			delete(c.mu.bells, name)
		}
	}
}

// storage is where a section has its values.
func (c *Challenges) storage(folder string) (*vault.Whole, error) {
	f, err := vault.Open(folder)
	if err != nil {
		return nil, err
	}
	if c.shared == nil {
		return vault.New(f), nil
	}
	return vault.New(&vault.Fleet{Shared: c.shared, Copy: f}), nil
}

// pauseKey is the context's key of how long the pause will be if the attempt fails.
type pauseKey struct{}

var errHeldOff = errors.New("not ordered, since an order of an instance has failed a while ago")

// heldOff is an error while the failure of another instance is not long enough ago: the public
// servers count failures of a name, and not of an instance.
func (i *issuer) heldOff(ctx context.Context, host string) error {
	if i.challenges.shared == nil {
		return nil
	}
	why, err := i.challenges.shared.Held(ctx, i.failureName(host))
	switch {
	case err != nil:
		return fmt.Errorf("cannot ask what other instances have met: %w", err)
	case why != "":
		return fmt.Errorf("%w: %s", errHeldOff, why)
	}
	return nil
}

// holdOff tells the others of a failure.
func (i *issuer) holdOff(ctx context.Context, host string, failure error) {
	pause, known := ctx.Value(pauseKey{}).(time.Duration)
	if i.challenges.shared == nil || !known || ctx.Err() != nil {
		return
	}
	_ = i.challenges.shared.HoldOff(ctx, i.failureName(host), failure.Error(), pause) // else they find out themselves
}

func (i *issuer) failureName(host string) string {
	safe := certmagic.StorageKeys.Safe
	return safe(i.section.shelf()) + "/" + safe(host)
}
