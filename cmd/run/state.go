package run

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/isame-lb/isame-lb/ctl/store"
)

// stateKey is what the lock of state.dir is handed over by.
const stateKey = "state.dir"

// Who writes to state.dir: one process at a time. A second one is refused. Two that follow
// each other overlap all the same: one that is told to end lets go when its drain begins,
// for nothing is applied and so nothing written any more; one that is upgraded gives a copy
// of the lock to the next one, and writes nothing from there on, unless that one fails.

// lockState locks state.dir, or takes over the lock of the process before. A folder that
// cannot be locked at all is used without.
func (p *proxy) lockState(dir string) error {
	for _, part := range p.legacy.TakeParts(stateKey) {
		if dir == "" || p.stateLock != nil {
			_ = syscall.Close(part.FD)
			continue
		}
		p.stateLock, _ = store.Adopt(dir, part.FD)
	}
	if dir == "" || p.stateLock != nil {
		return nil
	}
	var err error
	p.stateLock, err = store.Acquire(dir)
	if errors.Is(err, store.ErrNoLocks) {
		p.log.Warn().Err(err).Str("dir", dir).Msg("state.dir is used without a lock: see to it that no other process does")
		return nil
	}
	if err != nil {
		return fmt.Errorf("state.dir: %w", err)
	}
	return nil
}

// writesState reports that this process is the one that writes to state.dir.
func (p *proxy) writesState() bool { return p.heir.process == nil }

// signState tells whoever is refused who has state.dir.
func (p *proxy) signState() {
	if err := p.stateLock.Sign(); err != nil {
		p.log.Warn().Err(err).Msg("who is refused state.dir may be told the id of a process that has ended")
	}
}

// leaveState lets go of state.dir.
func (p *proxy) leaveState() {
	p.stateLock.Release()
	p.stateLock = nil
}
