package ctl

import (
	"bytes"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/feed"
)

const (
	// eventReadersMax bounds the readers of events.
	eventReadersMax = 32
	// eventsAtOnce bounds how many events are written at once.
	eventsAtOnce = 64

	headerLastEventID = "Last-Event-ID"
)

func (s *Server) eventEndpoints() []endpoint {
	return []endpoint{
		{method: "GET", pattern: "/api/v1/events", role: api.RoleRead, serve: s.events, doc: operation{
			id: "streamEvents", summary: "What happens to the process, as server-sent events; Last-Event-ID resumes up to 1,000 back",
			answers: answers{200: eventStream{
				api.EventGeneration: api.GenerationEvent{}, api.EventBackend: api.BackendEvent{}, api.EventBreaker: api.BreakerEvent{},
				api.EventCertificate: api.CertificateEvent{}, api.EventReload: api.ReloadEvent{}, api.EventOverlay: api.OverlayEvent{},
				api.EventReset: api.ResetEvent{}, api.EventDropped: api.DroppedEvent{},
			}, 406: refusal{}, 409: refusal{}},
		}},
		{method: "GET", pattern: "/api/v1/tap", role: api.RoleObserve, serve: s.tap, doc: operation{
			id: "streamTap", summary: "Exchanges as they end, as server-sent events", query: tapParameters(),
			answers: answers{200: eventStream{
				api.EventExchange: api.Record{}, api.EventDropped: api.DroppedEvent{},
			}, 406: refusal{}, 409: refusal{}},
		}},
	}
}

// events is the stream of what happens.
func (s *Server) events(x *call) error {
	if s.opts.Sources.Events == nil {
		return notSupported("events")
	}
	after := string(x.ctx.Request.Header.Peek(headerLastEventID))
	return s.stream(x, "events", eventReadersMax, func() (flow, error) {
		f := &eventFlow{after: after}
		f.reader, f.missed = s.opts.Sources.Events.Read(after)
		return f, nil
	})
}

// eventFlow says the events of a feed.
type eventFlow struct {
	reader *feed.Reader
	after  string
	missed bool
	begun  bool
}

func (f *eventFlow) wake() <-chan struct{} { return f.reader.Wake() }
func (f *eventFlow) close()                { f.reader.Close() }

// write begins with an id, so that whoever is cut off before the first event can resume.
func (f *eventFlow) write(out *bytes.Buffer) (more bool) {
	if !f.begun {
		f.begun = true
		if f.missed {
			writeEvent(out, f.reader.ID(), api.EventReset, api.ResetEvent{LastEventID: f.after})
		} else {
			out.WriteString("id: " + f.reader.ID() + "\n\n")
		}
	}
	for range eventsAtOnce {
		e, lost := f.reader.Next()
		if e == nil {
			return false
		}
		if lost > 0 {
			writeEvent(out, "", api.EventDropped, api.DroppedEvent{Dropped: lost})
		}
		writeEvent(out, f.reader.ID(), e.EventType(), e)
	}
	return true
}
