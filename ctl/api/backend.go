package api

import (
	"errors"
	"fmt"
	"time"
)

// States an operator may ask for in BackendPatch.State.
const (
	// BackendEnabled takes requests again.
	BackendEnabled = "enabled"
	// BackendDrain keeps the requests it has and the clients that stick to it, and takes no new ones.
	BackendDrain = "drain"
	// BackendDisabled takes nothing, whatever its health.
	BackendDisabled = "disabled"
)

// WeightMax is the largest weight of a backend.
const WeightMax = 65535

// BackendPatch is the body of PATCH on a backend; a nil member stays as it is.
type BackendPatch struct {
	// State is enabled, drain or disabled.
	State *string `json:"state,omitempty"`
	// Weight is 0 to 65535; 0 takes nothing new.
	Weight *int `json:"weight,omitempty"`
	// For is how long State holds, such as 30m, 1s to 720h, after which the backend is enabled by itself; absent is
	// until something else is asked.
	For *string `json:"for,omitempty"`
}

// Duration is For; 0 where there is none.
func (p BackendPatch) Duration() (time.Duration, error) {
	if p.For == nil {
		return 0, nil
	}
	d, err := time.ParseDuration(*p.For)
	if err != nil || d < ForLeast || d > ForMost {
		return 0, fmt.Errorf("for: %q is no duration from %s to %s, such as 30m", *p.For, ForLeast, ForMost)
	}
	return d, nil
}

// Check says what is wrong with the patch, or nil.
func (p BackendPatch) Check() error {
	if p.State == nil && p.Weight == nil {
		return errors.New(`nothing to change: give "state", "weight" or both`)
	}
	if p.State != nil {
		switch *p.State {
		case BackendEnabled, BackendDrain, BackendDisabled:
		default:
			return fmt.Errorf("state: %q is not one of enabled, drain, disabled", *p.State)
		}
	}
	if _, err := p.Duration(); err != nil {
		return err
	}
	if p.For != nil && (p.State == nil || *p.State == BackendEnabled) {
		return errors.New("for: there is an end to wait for with the states drain and disabled only")
	}
	if p.Weight != nil && (*p.Weight < 0 || *p.Weight > WeightMax) {
		return fmt.Errorf("weight: %d is not between 0 and %d", *p.Weight, WeightMax)
	}
	return nil
}

// NewBackend is the body of POST on the backends of a pool.
type NewBackend struct {
	// Address is host:port, [v6]:port or unix:/path.sock.
	Address string `json:"address"`
	// Weight is 0 to 65535; nil is 1.
	Weight *int `json:"weight,omitempty"`
	// Backup members serve only when no other one can.
	Backup bool `json:"backup,omitempty"`
	// Zone is where the backend stands.
	Zone string `json:"zone,omitempty"`
	// MaxRequests bounds the attempts in flight; 0 is no limit.
	MaxRequests int `json:"max_requests,omitempty"`
}
