package ctl

import (
	"github.com/isame-lb/isame-lb/ctl/ledger"
)

// putObject creates or replaces an object.
func (s *Server) putObject(x *call) error {
	return s.reviseObject(x, x.putEdit)
}

// patchObject changes one that is there.
func (s *Server) patchObject(x *call) error {
	return s.reviseObject(x, x.mergeEdit)
}

// deleteObject removes one that nothing refers to.
func (s *Server) deleteObject(x *call) error {
	return s.reviseObject(x, func(path ...string) (ledger.Edit, error) { return ledger.Remove(path...), nil })
}

func (s *Server) reviseObject(x *call, edit func(path ...string) (ledger.Edit, error)) error {
	if s.opts.Sources.Ledger == nil {
		return notSupported("changing the configuration")
	}
	path, err := x.objectPath()
	if err != nil {
		return err
	}
	return s.revise(x, func() (ledger.Edit, error) { return edit(path...) }, path...)
}
