package ctl

import (
	"fmt"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool"
)

// keyWait is the query parameter of calls that answer when something has happened.
const keyWait = "wait"

const (
	// drainWaitMax bounds how long a call may wait.
	drainWaitMax = 10 * time.Minute
	// drainLook is how often a draining backend is looked at.
	drainLook = 20 * time.Millisecond
)

// wait is how long the answer may wait for the end of a drain; 0 is not at all.
func (x *call) wait(patch api.BackendPatch) (time.Duration, error) {
	wait, p := x.duration(keyWait, time.Millisecond, drainWaitMax)
	if p != nil {
		return 0, p
	}
	if wait == 0 {
		return 0, nil
	}
	if patch.State == nil || *patch.State == api.BackendEnabled {
		return 0, unknownParameter("wait: there is an end to wait for with the states drain and disabled only")
	}
	return wait, nil
}

// drained is the backend once it has no request, or after wait: an error then. The drain goes
// on when the endpoint ends, or when the client has left.
func (s *Server) drained(x *call, name, address string, wait time.Duration) (pool.BackendStatus, error) {
	over := time.NewTimer(wait)
	defer over.Stop()
	look := time.NewTicker(drainLook)
	defer look.Stop()
	for {
		b, err := s.findBackend(name, address)
		if err != nil || wait == 0 || b.InFlight == 0 {
			return b, err
		}
		select {
		case <-look.C:
		case <-over.C:
			return b, api.NewProblem(fasthttp.StatusGatewayTimeout,
				fmt.Sprintf("backend %q of pool %q still has %d requests after %v; it takes nothing new, and they may finish",
					address, name, b.InFlight, wait))
		case <-s.stop:
			return b, api.NewProblem(fasthttp.StatusServiceUnavailable, api.StateDraining)
		case <-x.ctx.Done():
			return b, api.NewProblem(fasthttp.StatusServiceUnavailable, api.StateDraining)
		}
	}
}
