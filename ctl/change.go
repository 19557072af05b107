package ctl

import (
	"errors"
	"fmt"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/valyala/fasthttp"
)

// addBackend answers with the backend as it is then.
func (s *Server) addBackend(x *call) error {
	src := &s.opts.Sources
	if src.AddBackend == nil || src.Pools == nil {
		return notSupported("adding a backend at run time")
	}
	var b api.NewBackend
	if err := decode(x.ctx.PostBody(), &b); err != nil {
		return err
	}
	name := x.params["pool"]
	if _, err := s.findPool(name); err != nil {
		return err
	}
	if err := src.AddBackend(name, b, x.author); err != nil {
		if errors.Is(err, ErrNotFound) {
			return err
		}
		return configRefused("the backend cannot be added", err)
	}
	added, err := s.findBackend(name, b.Address)
	if err != nil {
		return err
	}
	return x.answer(added)
}

// removeBackend answers with the pool as it is then.
func (s *Server) removeBackend(x *call) error {
	src := &s.opts.Sources
	if src.RemoveBackend == nil || src.Pools == nil {
		return notSupported("removing a backend at run time")
	}
	name, address := x.params["pool"], x.params["address"]
	if _, err := s.findBackend(name, address); err != nil {
		return err
	}
	if err := src.RemoveBackend(name, address, x.author); err != nil {
		return err
	}
	p, err := s.findPool(name)
	if err != nil {
		return err
	}
	return x.answer(p)
}

// patchBackend answers with the backend as it is after the change.
func (s *Server) patchBackend(x *call) error {
	src := &s.opts.Sources
	if src.PatchBackend == nil || src.Pools == nil {
		return notSupported("changing a backend at run time")
	}
	var patch api.BackendPatch
	if err := decode(x.ctx.PostBody(), &patch); err != nil {
		return err
	}
	if err := patch.Check(); err != nil {
		return err
	}
	wait, err := x.wait(patch)
	if err != nil {
		return err
	}
	name, address := x.params["pool"], x.params["address"]
	if _, err := s.findBackend(name, address); err != nil {
		return err
	}
	if err := src.PatchBackend(name, address, patch, x.author); err != nil {
		return err
	}
	b, err := s.drained(x, name, address, wait)
	if err != nil {
		return err
	}
	return x.answer(b)
}

// backend is one backend with its probes.
func (s *Server) backend(x *call) error {
	if s.opts.Sources.Pools == nil {
		return notSupported("pools")
	}
	b, err := s.findBackend(x.params["pool"], x.params["address"])
	if err != nil {
		return err
	}
	return x.answer(b)
}

// findBackend is one backend as it is now; the error names those there are.
func (s *Server) findBackend(name, address string) (pool.BackendStatus, error) {
	p, err := s.findPool(name)
	if err != nil {
		return pool.BackendStatus{}, err
	}
	addresses := make([]string, 0, len(p.Backends))
	for i := range p.Backends {
		if p.Backends[i].Address == address {
			return p.Backends[i], nil
		}
		addresses = append(addresses, p.Backends[i].Address)
	}
	return pool.BackendStatus{}, fmt.Errorf("backend %q of pool %q: %w: %s", address, name, ErrNotFound,
		someOf(addresses)+config.DidYouMean(address, addresses))
}

// upgrade does not end when its client leaves: the next process starts all the same.
func (s *Server) upgrade(x *call) error {
	src := &s.opts.Sources
	if src.Upgrade == nil {
		return notSupported("upgrade")
	}
	result, err := src.Upgrade(x.ctx)
	if err != nil {
		return err
	}
	return x.answer(result)
}

// configRefused is 422 with every problem, or the answer the error itself asks for.
func configRefused(detail string, err error) error {
	var answer *api.Problem
	if errors.As(err, &answer) || errors.Is(err, ErrNotSupported) || errors.Is(err, ErrConflict) || errors.Is(err, ErrInUse) {
		return err
	}
	p := api.NewProblem(fasthttp.StatusUnprocessableEntity, detail)
	p.Errors = ConfigProblems(err)
	return p
}
