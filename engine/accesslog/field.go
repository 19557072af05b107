package accesslog

import (
	"bytes"
	"strings"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/record"
)

// field is one of config.AccessFields, by its place there, or what is named behind them.
type field uint8

// The fields, in the order of config.AccessFields, and behind them values of the head.
const (
	fieldLevel field = iota
	fieldLog
	fieldClient
	fieldPeer
	fieldRequestID
	fieldMethod
	fieldHost
	fieldTarget
	fieldStatus
	fieldTook
	fieldBackendTook
	fieldBytesIn
	fieldBytesOut
	fieldListener
	fieldProtocol
	fieldRoute
	fieldPool
	fieldBackend
	fieldAttempts
	fieldNoRetry
	fieldTunnel
	fieldCause
	fieldTime
	fieldSide
	fieldPhase
	fieldPath
	fieldQuery
	fieldUserAgent
	fieldReferer
	fieldScheme
	fieldTLS
	fieldCipher
	fieldSNI
	fieldTraceID
	fieldGeneration
	fieldParts // of the first part; the others follow
)

// Values of the head that the name of the field names.
const (
	fieldHeader   = fieldParts + field(record.Parts)
	fieldCookie   = fieldHeader + 1
	fieldQueryKey = fieldHeader + 2
)

// shows are the fields of a head that some fields are the values of.
var shows = map[field]string{
	fieldHost: "host", fieldUserAgent: "user-agent", fieldReferer: "referer", fieldRequestID: "x-request-id", fieldTraceID: "traceparent",
}

// step is one field of a line.
type step struct {
	write write
	key   string // as it stands before the value
	name  string // of what a value of the head is named by; fields in lower case
	field field
	hides bool // its value
}

// newStep compiles a field by its name, which config has checked.
func (p *Program) newStep(name string) step {
	s := p.namedStep(name)
	s.write = writes[s.field]
	if p.format == formatLogfmt {
		s.key = string(keyOf([]byte(name))) + "="
		return s
	}
	s.key = string(appendQuoted(nil, []byte(name))) + ":"
	if !isNumber(s.field) {
		s.key += `"`
	}
	return s
}

// isNumber reports that a field is no string in JSON.
func isNumber(f field) bool {
	return f >= fieldStatus && f <= fieldBytesOut || f == fieldAttempts || f == fieldTunnel || f == fieldGeneration ||
		f >= fieldParts && f < fieldHeader
}

// namedStep is which field a name is.
func (p *Program) namedStep(name string) (s step) {
	for _, k := range [...]struct {
		prefix string
		field  field
	}{{config.FieldHeader, fieldHeader}, {config.FieldCookie, fieldCookie}, {config.FieldQuery, fieldQueryKey}} {
		of, ok := strings.CutPrefix(name, k.prefix)
		if !ok {
			continue
		}
		s.field, s.name = k.field, of
		switch k.field { //nolint:exhaustive // these are
		case fieldHeader:
			s.name = strings.ToLower(of)
			s.hides = p.redaction.hidesText(s.name)
		case fieldCookie:
			s.hides = p.redaction.hidesText("cookie")
		case fieldQueryKey:
			s.hides = p.redaction.hidesKey([]byte(of))
		}
		return s
	}
	for i := range config.AccessFields {
		if config.AccessFields[i].Name == name {
			s.field = field(i)
		}
	}
	s.hides = p.redaction.hidesText(shows[s.field])
	return s
}

// keyOf is a name as a key of logfmt, which knows no quotes around keys.
func keyOf(name []byte) []byte {
	return bytes.Map(func(r rune) rune {
		if r <= ' ' || r == '=' || r == '"' || r == '\\' || r >= 0x7f {
			return '_'
		}
		return r
	}, name)
}
