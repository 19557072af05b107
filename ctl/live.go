package ctl

import (
	"bytes"
	"strings"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/picture"
)

const (
	// liveReadersMax bounds the readers of the picture.
	liveReadersMax = 128
	// livePieceBytes bounds what one of them is given at once: the rest stays where all share it.
	livePieceBytes = 32 << 10

	keyParts = "parts"
)

// liveParts are the words of the parameter.
var liveParts = map[string]picture.Parts{"backends": picture.Backends, "routes": picture.Routes}

func (s *Server) liveEndpoints() []endpoint {
	return []endpoint{{method: methodGet, pattern: "/api/v1/live", role: api.RoleRead, serve: s.live, doc: operation{
		id:      "streamLive",
		summary: "The process as it is now and what becomes different of it, and what happens to it, as server-sent events",
		query: map[string]string{
			keyParts: "what is wanted beside the process and its pools: backends, routes, or both with a comma between; absent: neither",
		},
		answers: answers{200: eventStream{
			api.EventPicture: api.Picture{}, api.EventChange: api.Picture{},
			api.EventGeneration: api.GenerationEvent{}, api.EventBackend: api.BackendEvent{}, api.EventBreaker: api.BreakerEvent{},
			api.EventCertificate: api.CertificateEvent{}, api.EventReload: api.ReloadEvent{}, api.EventOverlay: api.OverlayEvent{},
			api.EventReset: api.ResetEvent{}, api.EventDropped: api.DroppedEvent{},
		}, 406: refusal{}, 409: refusal{}},
	}}}
}

// newPicture makes the picture of the sources; nobody looks before somebody reads it.
func (s *Server) newPicture() *picture.Hub {
	src := &s.opts.Sources
	status := s.processStatus
	if src.Status == nil {
		status = nil
	}
	return picture.New(picture.Sources{
		Status: status, Pools: src.Pools, Readings: src.Readings, Requests: src.RequestsTotal, Traffic: src.Traffic,
		Routes: src.Routes, Events: src.Events,
	}, &s.running)
}

// live is the stream of the picture, and of events.
func (s *Server) live(x *call) error {
	if s.opts.Sources.Status == nil || s.opts.Sources.Events == nil {
		return notSupported("live")
	}
	var parts picture.Parts
	if args := x.ctx.QueryArgs(); args.Has(keyParts) {
		for word := range strings.SplitSeq(string(args.Peek(keyParts)), ",") {
			part, known := liveParts[word]
			if !known {
				return unknownParameter("query parameter %q: %q is neither backends nor routes", keyParts, word)
			}
			parts |= part
		}
	}
	after := string(x.ctx.Request.Header.Peek(headerLastEventID))
	return s.stream(x, "pictures", liveReadersMax, func() (flow, error) {
		f := &liveFlow{eventFlow: eventFlow{after: after}}
		f.reader, f.missed = s.opts.Sources.Events.Read(after)
		f.picture = s.picture.Join(parts, f.reader.Ring)
		return f, nil
	})
}

// liveFlow says the picture, and the events of a feed.
type liveFlow struct {
	eventFlow

	picture *picture.Reader
	rest    []byte // of an event that is begun; shared with others
}

func (f *liveFlow) close() {
	f.picture.Leave()
	f.eventFlow.close()
}

// write appends a piece at a time: what is large is shared, and copied as it is read.
func (f *liveFlow) write(out *bytes.Buffer) (more bool) {
	if f.rest == nil {
		if f.eventFlow.write(out) {
			return true
		}
		kind, data := f.picture.Next()
		if kind == "" {
			return false
		}
		out.WriteString("event: " + kind + "\ndata: ")
		f.rest = data
	}
	n := min(len(f.rest), livePieceBytes)
	out.Write(f.rest[:n])
	if f.rest = f.rest[n:]; len(f.rest) == 0 {
		f.rest = nil
		out.WriteString("\n\n")
	}
	return true
}
