package ctl

import (
	"errors"
	"fmt"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/ledger"
	"github.com/isame-lb/isame-lb/ctl/overlay"
	"github.com/isame-lb/isame-lb/pool"
)

// overlayEndpoints are the calls about what was changed at run time.
func (s *Server) overlayEndpoints() []endpoint {
	const all, one = "/api/v1/overlay", "/api/v1/overlay/{pool}/{address}"
	return []endpoint{
		{method: methodGet, pattern: all, role: api.RoleRead, serve: s.overlay, doc: operation{
			id: "listOverlay", summary: "What was changed of backends at run time: it lies above every configuration until it is cleared",
			query: pageQuery(), answers: answers{200: []pool.Override{}},
		}},
		{method: methodGet, pattern: one, role: api.RoleRead, serve: s.override, doc: operation{
			id: "getOverride", summary: "What was changed of one backend", answers: answers{200: pool.Override{}, 404: refusal{}},
		}},
		{method: methodDelete, pattern: all, role: api.RoleOperate, serve: s.clearOverlay, doc: operation{
			id: "clearOverlay", summary: "Takes all of it back: backends are as the configuration says. Answers what it was",
			answers: answers{200: []pool.Override{}, 409: refusal{}},
		}},
		{method: methodDelete, pattern: one, role: api.RoleOperate, serve: s.clearOverride, doc: operation{
			id: "clearOverride", summary: "Takes back what was changed of one backend. 204 where nothing was, with If-Match: *",
			answers: answers{200: pool.Override{}, 204: nil, 404: refusal{}, 409: refusal{}},
		}},
		{
			method: methodPost, pattern: "/api/v1/overlay/write", role: api.RoleWrite, accepts: []string{typeJSON}, serve: s.writeOverlay,
			doc: operation{
				id: "writeOverlay", summary: "Writes it into the configuration file, as far as one can say it, and takes that back",
				query:   map[string]string{keyMessage: "What the history is to say about it, up to 1000 bytes"},
				answers: answers{200: api.OverlayWritten{}, 409: refusal{}, 422: refusal{}},
			},
		},
	}
}

func (s *Server) overlay(x *call) error {
	if s.opts.Sources.Overlay == nil {
		return notSupported("the overlay")
	}
	// A pool has no / in its name.
	return answerPage(x, s.opts.Sources.Overlay.List(), byName(func(v *pool.Override) string { return v.Pool + "/" + v.Address }))
}

// overrides lists the overlay; nil where there is none.
func (s *Server) overrides() func() []pool.Override {
	if s.opts.Sources.Overlay == nil {
		return nil
	}
	return s.opts.Sources.Overlay.List
}

func (s *Server) override(x *call) error {
	if s.opts.Sources.Overlay == nil {
		return notSupported("the overlay")
	}
	if v, ok := s.opts.Sources.Overlay.At(x.params["pool"], x.params["address"]); ok {
		return x.answer(v)
	}
	return s.notOverridden(x)
}

// notOverridden is 404 with what there is.
func (s *Server) notOverridden(x *call) error {
	all := s.opts.Sources.Overlay.List()
	names := make([]string, 0, len(all))
	for i := range all {
		names = append(names, all[i].Pool+"/"+all[i].Address)
	}
	asked := x.params["pool"] + "/" + x.params["address"]
	return fmt.Errorf("override of %q: %w: %s", asked, ErrNotFound, someOf(names)+config.DidYouMean(asked, names))
}

func (s *Server) clearOverlay(x *call) error {
	if s.opts.Sources.Overlay == nil {
		return notSupported("the overlay")
	}
	cleared, err := s.opts.Sources.Overlay.ClearAll(x.author)
	if err != nil {
		return err
	}
	return x.answer(filled(cleared))
}

func (s *Server) clearOverride(x *call) error {
	if s.opts.Sources.Overlay == nil {
		return notSupported("the overlay")
	}
	was, ok, err := s.opts.Sources.Overlay.Clear(x.params["pool"], x.params["address"], x.author)
	if err != nil {
		return err
	}
	if ok {
		return x.answer(was)
	}
	if _, whatever := x.tags(fasthttp.HeaderIfMatch); whatever {
		x.ctx.SetStatusCode(fasthttp.StatusNoContent)
		return nil
	}
	return s.notOverridden(x)
}

// writeOverlay changes the document that runs, and the file with it, and then takes back
// what both say: in between, both say the same.
func (s *Server) writeOverlay(x *call) error {
	src := &s.opts.Sources
	if src.Overlay == nil || src.Ledger == nil {
		return notSupported("writing the overlay")
	}
	author, p := x.authorOf(ledger.TriggerAPI)
	if p != nil {
		return p
	}
	if author.Message == "" {
		author.Message = "what was changed of backends at run time, written into the file"
	}
	all := src.Overlay.List()
	if len(all) == 0 {
		return fmt.Errorf("cannot write the overlay: %w: nothing was changed at run time", ErrConflict)
	}
	var written []pool.Override
	var left []api.OverlayLeft
	out, err := src.Ledger.Revise(&ledger.Revision{
		Author: author, IntoFile: true, Match: &ledger.Match{Any: true},
		Trying: ledger.Trying{
			Lasting: x.keepsItsToken("it was changed where the configuration refers to; reload first, and write it with the new one"),
		},
		Edit: func(running *config.Document) (next *config.Document, err error) {
			next, written, left, err = overlay.Into(running, all)
			return next, err
		},
	})
	if err != nil {
		return x.refused(err, nil)
	}
	if err := src.Overlay.Written(written, x.author); err != nil {
		return errors.Join(errors.New("the file has it, and the overlay as well"), err)
	}
	return x.answer(api.OverlayWritten{Applied: appliedOf(&out), Written: filled(written), Left: filled(left)})
}
