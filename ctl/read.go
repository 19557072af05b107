package ctl

import (
	"context"
	"fmt"
	"strings"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/valyala/fasthttp"
)

func (s *Server) health(x *call) error {
	return x.answer(api.Live{Status: "ok"})
}

func (s *Server) ready(x *call) error {
	if s.opts.Sources.Ready != nil {
		if ok, reason := s.opts.Sources.Ready(); !ok {
			p := api.NewProblem(fasthttp.StatusServiceUnavailable, reason)
			if reason == api.StateDraining {
				return p.WithCode(api.CodeDraining)
			}
			return p
		}
	}
	return x.answer(api.Live{Status: "ready"})
}

func (s *Server) status(x *call) error {
	src := &s.opts.Sources
	if src.Status == nil {
		return notSupported("status")
	}
	st := s.processStatus()
	if st.Pools == nil && src.Summaries != nil {
		st.Pools = src.Summaries()
	}
	st.Pools = filled(st.Pools)
	return x.answer(st)
}

// processStatus is the status as its source has it, with the rate and the headroom.
func (s *Server) processStatus() api.Status {
	src := &s.opts.Sources
	st := src.Status()
	if s.rate != nil {
		st.RequestsPerSecond = s.rate.perSecond()
	}
	if src.Headroom != nil {
		st.Headroom = headroomBrief(src.Headroom())
	}
	return st
}

func (s *Server) pools(x *call) error {
	if s.opts.Sources.Pools == nil {
		return notSupported("pools")
	}
	list := filled(s.opts.Sources.Pools())
	for i := range list {
		list[i].Backends = filled(list[i].Backends)
	}
	return answerPage(x, list, byName(func(p *pool.Status) string { return p.Name }))
}

func (s *Server) pool(x *call) error {
	if s.opts.Sources.Pools == nil {
		return notSupported("pools")
	}
	p, err := s.findPool(x.params["pool"])
	if err != nil {
		return err
	}
	p.Backends = filled(p.Backends)
	return x.answer(p)
}

// findPool is one pool as it is now; the error names those there are.
func (s *Server) findPool(name string) (pool.Status, error) {
	list := s.opts.Sources.Pools()
	names := make([]string, 0, len(list))
	for i := range list {
		if list[i].Name == name {
			return list[i], nil
		}
		names = append(names, list[i].Name)
	}
	return pool.Status{}, fmt.Errorf("pool %q: %w: %s", name, ErrNotFound, someOf(names)+config.DidYouMean(name, names))
}

// someOf names what there is, without flooding the reader.
func someOf(names []string) string {
	const shown = 10
	switch n := len(names); {
	case n == 0:
		return "there is none"
	case n > shown:
		return fmt.Sprintf("there are %s and %d more", strings.Join(names[:shown], ", "), n-shown)
	case n == 1:
		return "there is only " + names[0]
	default:
		return "there are " + strings.Join(names, ", ")
	}
}

func (s *Server) routes(x *call) error {
	if s.opts.Sources.Routes == nil {
		return notSupported("routes")
	}
	return answerPage(x, s.opts.Sources.Routes(), byName(func(r *api.RouteStatus) string { return r.Name }))
}

func (s *Server) listeners(x *call) error {
	if s.opts.Sources.Listeners == nil {
		return notSupported("listeners")
	}
	return answerPage(x, s.opts.Sources.Listeners(), byName(func(l *api.ListenerStatus) string { return l.Name }))
}

func (s *Server) instances(x *call) error {
	if s.opts.Sources.Instances == nil {
		return notSupported("instances")
	}
	list, err := s.opts.Sources.Instances(context.Background())
	if err != nil {
		return err
	}
	return answerPage(x, list, byName(func(i *api.Instance) string { return i.Name }))
}

func (s *Server) openAPI(x *call) error {
	x.ctx.SetContentType(typeJSON)
	x.ctx.SetBody(s.document)
	return nil
}
