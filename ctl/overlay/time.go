package overlay

import (
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// What is asked of a backend that nobody names any more is kept for a while: long enough
// for a change that is rolled back by itself (confirm is an hour at most), and for
// addresses that a discovery loses for a time.
const (
	keptListed     = time.Hour
	keptDiscovered = 24 * time.Hour
)

// self is the author of what happens by itself.
const self = "isame-lb"

// look is how often the keeper looks who is named, while there is something to keep.
const look = time.Minute

// keep writes what is asked for now, and watches what ends by itself.
func (k *Keeper) keep() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.mu.closed || k.isHeld() {
		return
	}
	all := k.List()
	k.saveLocked(all)
	wake := nextLook(all, time.Now())
	switch {
	case wake < 0:
		if k.mu.timer != nil {
			k.mu.timer.Stop()
		}
	case k.mu.timer == nil:
		k.mu.timer = safely.After(wake, "overlay", k.tick)
	default:
		k.mu.timer.Reset(wake)
	}
}

// nextLook is how long nothing happens by itself; negative is for ever.
func nextLook(all []pool.Override, now time.Time) time.Duration {
	if len(all) == 0 {
		return -1
	}
	wake := look
	for i := range all {
		if all[i].Until != nil {
			wake = min(wake, max(all[i].Until.Sub(now), 0))
		}
	}
	return wake
}

// tick ends what is over, and forgets what nobody has named for long.
func (k *Keeper) tick() {
	now := time.Now()
	ended := k.opts.Overlay.Expire(now)
	for i := range ended {
		k.opts.Logger.Info().Str("pool", ended[i].Pool).Str("backend", ended[i].Address).
			Msg("the time is over for which the backend was to take nothing new: it serves again")
		k.opts.Tell(api.OverlayExpire, ended[i], self)
	}
	ended = append(ended, k.forget(now)...)
	if len(ended) > 0 {
		if err := k.opts.Settle(ended); err != nil {
			k.opts.Logger.Error().Err(err).Msg("cannot put backends back to what the configuration says")
		}
	}
	k.keep()
}

// forget drops what is asked of backends that nobody has named for long, and notes since
// when others are not named.
func (k *Keeper) forget(now time.Time) (dropped []pool.Override) {
	set := k.opts.Pools()
	if set == nil {
		return nil
	}
	for _, v := range k.List() {
		named := set.Names(v.Pool, v.Address) || v.Added != nil && set.Pool(v.Pool) != nil
		switch {
		case named && v.MissingSince != nil:
			k.opts.Overlay.Miss(v.Pool, v.Address, nil)
		case !named && v.MissingSince == nil:
			k.opts.Overlay.Miss(v.Pool, v.Address, &now)
		case !named && now.Sub(*v.MissingSince) >= keptFor(set, &v):
			k.opts.Overlay.Drop(v.Pool, v.Address)
			k.opts.Logger.Info().Str("pool", v.Pool).Str("backend", v.Address).Time("missing_since", *v.MissingSince).
				Msg("what was asked of the backend at run time is forgotten, because nobody names it any more")
			k.opts.Tell(api.OverlayForget, v, self)
			dropped = append(dropped, v)
		}
	}
	return dropped
}

func keptFor(set *pool.Set, v *pool.Override) time.Duration {
	if set.Discovers(v.Pool) {
		return keptDiscovered
	}
	return keptListed
}
