package accesslog

import (
	"crypto/tls"
	"strings"

	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// write appends a field with its separator, or nothing where it does not apply.
type write func(p *Program, dst []byte, s *step, e *Entry) []byte

// writes has how each field is written. Parts are set by init, as they are one row each.
var writes = [fieldQueryKey + 1]write{
	fieldLevel:    func(p *Program, dst []byte, s *step, _ *Entry) []byte { return p.word(dst, s, "info") },
	fieldLog:      func(p *Program, dst []byte, s *step, _ *Entry) []byte { return p.word(dst, s, "access") },
	fieldClient:   (*Program).client,
	fieldPeer:     func(p *Program, dst []byte, s *step, e *Entry) []byte { return p.text(dst, s, []byte(e.Peer)) },
	fieldMethod:   ofHead(func(p *Program, dst []byte, s *step, h *wire.RequestHead) []byte { return p.text(dst, s, h.Method) }),
	fieldHost:     ofHead(func(p *Program, dst []byte, s *step, h *wire.RequestHead) []byte { return p.shown(dst, s, h.Host) }),
	fieldTarget:   ofHead(func(p *Program, dst []byte, s *step, h *wire.RequestHead) []byte { return p.url(dst, s, h.Target) }),
	fieldStatus:   func(p *Program, dst []byte, s *step, e *Entry) []byte { return p.number(dst, s, int64(e.Status)) },
	fieldTook:     func(p *Program, dst []byte, s *step, e *Entry) []byte { return p.millis(dst, s, e.TookNanos) },
	fieldBytesIn:  func(p *Program, dst []byte, s *step, e *Entry) []byte { return p.number(dst, s, e.BytesIn) },
	fieldBytesOut: func(p *Program, dst []byte, s *step, e *Entry) []byte { return p.number(dst, s, e.BytesOut) },
	fieldListener: func(p *Program, dst []byte, s *step, e *Entry) []byte { return p.name(dst, s, e.Listener) },
	fieldProtocol: func(p *Program, dst []byte, s *step, e *Entry) []byte { return p.name(dst, s, e.Protocol) },
	fieldRoute:    func(p *Program, dst []byte, s *step, e *Entry) []byte { return p.name(dst, s, e.Route) },
	fieldPool:     func(p *Program, dst []byte, s *step, e *Entry) []byte { return p.name(dst, s, e.Pool) },
	fieldBackend:  func(p *Program, dst []byte, s *step, e *Entry) []byte { return p.name(dst, s, e.Backend) },
	fieldNoRetry:  func(p *Program, dst []byte, s *step, e *Entry) []byte { return p.name(dst, s, e.NoRetry) },
	fieldSNI:      func(p *Program, dst []byte, s *step, e *Entry) []byte { return p.name(dst, s, e.SNI) },
	fieldTime:     (*Program).time,
	fieldScheme:   func(p *Program, dst []byte, s *step, e *Entry) []byte { return p.given(dst, s, e.Scheme) },
	fieldRequestID: func(p *Program, dst []byte, s *step, e *Entry) []byte {
		return p.given(dst, s, e.ID)
	},
	fieldBackendTook: func(p *Program, dst []byte, s *step, e *Entry) []byte {
		if e.BackendNanos == 0 {
			return dst
		}
		return p.millis(dst, s, e.BackendNanos)
	},
	fieldAttempts: func(p *Program, dst []byte, s *step, e *Entry) []byte {
		if e.Backend == "" || e.Tunnel {
			return dst
		}
		return p.number(dst, s, int64(e.Attempts))
	},
	fieldTunnel: func(p *Program, dst []byte, s *step, e *Entry) []byte {
		if !e.Tunnel {
			return dst
		}
		return append(append(append(dst, s.key...), "true"...), p.between)
	},
	fieldCause: func(p *Program, dst []byte, s *step, e *Entry) []byte {
		if e.End == end.OK {
			return dst
		}
		return p.word(dst, s, e.End.Word())
	},
	fieldSide: func(p *Program, dst []byte, s *step, e *Entry) []byte {
		if e.End == end.OK {
			return dst
		}
		return p.word(dst, s, e.End.Side().String())
	},
	fieldPhase: func(p *Program, dst []byte, s *step, e *Entry) []byte {
		return p.word(dst, s, e.End.In(e.Phase).String())
	},
	fieldTLS: func(p *Program, dst []byte, s *step, e *Entry) []byte {
		if e.TLS == 0 {
			return dst
		}
		return p.word(dst, s, strings.TrimPrefix(tls.VersionName(e.TLS), "TLS "))
	},
	fieldCipher: func(p *Program, dst []byte, s *step, e *Entry) []byte {
		if e.TLS == 0 {
			return dst
		}
		return p.name(dst, s, cipherNames[e.Cipher])
	},
	fieldGeneration: func(p *Program, dst []byte, s *step, e *Entry) []byte { return p.number(dst, s, int64(e.Generation)) },
	fieldPath:       ofHead(func(p *Program, dst []byte, s *step, h *wire.RequestHead) []byte { return p.given(dst, s, h.Path) }),
	fieldQuery:      ofHead((*Program).query),
	fieldReferer:    ofHead((*Program).referer),
	fieldUserAgent: ofHead(func(p *Program, dst []byte, s *step, h *wire.RequestHead) []byte {
		return p.given(dst, s, h.Value(wire.FieldUserAgent))
	}),
	fieldTraceID: func(p *Program, dst []byte, s *step, e *Entry) []byte { return p.given(dst, s, e.TraceID) },
	fieldHeader: ofHead(func(p *Program, dst []byte, s *step, h *wire.RequestHead) []byte {
		return p.given(dst, s, h.Lookup(s.name))
	}),
	fieldCookie: ofHead(func(p *Program, dst []byte, s *step, h *wire.RequestHead) []byte {
		return p.given(dst, s, cookie(h, s.name))
	}),
	fieldQueryKey: ofHead(func(p *Program, dst []byte, s *step, h *wire.RequestHead) []byte {
		return p.given(dst, s, parameter(h.Query, s.name))
	}),
}

func init() { //nolint:gochecknoinits // rows that are all the same
	for f := fieldParts; f < fieldHeader; f++ {
		writes[f] = func(p *Program, dst []byte, s *step, e *Entry) []byte {
			if e.Tunnel {
				return dst
			}
			return p.millis(dst, s, e.Parts[s.field-fieldParts])
		}
	}
}

// ofHead is a field that the head of the request says.
func ofHead(f func(*Program, []byte, *step, *wire.RequestHead) []byte) write {
	return func(p *Program, dst []byte, s *step, e *Entry) []byte {
		if e.Head == nil {
			return dst
		}
		return f(p, dst, s, e.Head)
	}
}

// client is the address of the client, whose zone may be any text.
func (p *Program) client(dst []byte, s *step, e *Entry) []byte {
	if e.IsPeer {
		return p.text(dst, s, []byte(e.Peer))
	}
	at := len(dst)
	dst = e.Client.AppendTo(dst)
	n := len(dst)
	return moved(p.text(dst, s, dst[at:n]), at, n)
}

func (p *Program) time(dst []byte, s *step, e *Entry) []byte {
	return p.close(p.clock.at(e.NowNanos).appendTime(append(dst, s.key...), e.NowNanos))
}

// name appends a name, where there is one.
func (p *Program) name(dst []byte, s *step, value string) []byte {
	if value == "" {
		return dst
	}
	return p.text(dst, s, []byte(value))
}

// given appends a value of the request, where there is one.
func (p *Program) given(dst []byte, s *step, value []byte) []byte {
	if len(value) == 0 {
		return dst
	}
	return p.shown(dst, s, value)
}

// shown appends a value that may be hidden.
func (p *Program) shown(dst []byte, s *step, value []byte) []byte {
	if s.hides {
		return p.word(dst, s, Hidden)
	}
	return p.text(dst, s, value)
}

func (p *Program) query(dst []byte, s *step, h *wire.RequestHead) []byte {
	if len(h.Query) == 0 {
		return dst
	}
	at := len(dst)
	dst = p.redaction.AppendQuery(dst, h.Query)
	n := len(dst)
	return moved(p.text(dst, s, dst[at:n]), at, n)
}

func (p *Program) referer(dst []byte, s *step, h *wire.RequestHead) []byte {
	value := h.Value(wire.FieldReferer)
	if s.hides || len(value) == 0 {
		return p.given(dst, s, value)
	}
	return p.url(dst, s, value)
}

// url appends a value that may have a query.
func (p *Program) url(dst []byte, s *step, value []byte) []byte {
	if !p.redaction.touches(value) {
		return p.text(dst, s, value)
	}
	at := len(dst)
	dst = p.redaction.AppendTarget(dst, value)
	n := len(dst)
	return moved(p.text(dst, s, dst[at:n]), at, n)
}
