package accesslog

import (
	"math/rand/v2"
	"net/http"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/end"
)

// Program is a log section, compiled: which exchanges are logged, and what a line has of
// one. It does not change; any number of goroutines may use it.
type Program struct {
	format    format
	between   byte // values that are no strings, and the next field
	steps     []step
	wants     Wants
	redaction *Redaction
	clock     *Clock

	hidesReferer, hidesAgent bool // of the combined format

	all       bool
	threshold uint64 // of 64 random bits; below it the exchange is in the sample
	slowNanos int64  // 0 is off
}

// New compiles a section that is enabled. Its programs, one after the other, may share a
// clock.
func New(c *config.AccessLog, r *Redaction, clock *Clock) *Program {
	p := &Program{
		between: separator, redaction: r, clock: clock, slowNanos: int64(c.Slow),
		all: c.Sample >= 1, threshold: uint64(c.Sample * (1 << 63) * 2 * (1 - 1e-15)),
	}
	switch c.Format {
	case "logfmt":
		p.format = formatLogfmt
	case "json", "":
		p.between = ','
	case "combined":
		p.format = formatCombined
		p.hidesReferer, p.hidesAgent = r.hidesText("referer"), r.hidesText("user-agent")
		return p
	}
	names := c.Fields
	if len(names) == 0 {
		names = usual()
	}
	for _, name := range names {
		s := p.newStep(name)
		p.steps, p.wants = append(p.steps, s), p.wants|wantsOf(s.field)
	}
	p.join()
	return p
}

// join makes one step of the first fields, where they say the same of every exchange.
func (p *Program) join() {
	n, text := 0, []byte(nil)
	for n < len(p.steps) && p.steps[n].field <= fieldLog {
		s := &p.steps[n]
		text = s.write(p, text, s, nil)
		n++
	}
	if n > 1 {
		p.steps[n-1] = step{key: string(text), write: func(_ *Program, dst []byte, s *step, _ *Entry) []byte { return append(dst, s.key...) }}
		p.steps = p.steps[n-1:]
	}
}

// usual are the fields of a log that says nothing of them.
func usual() (names []string) {
	for i := range config.AccessFields {
		if f := &config.AccessFields[i]; f.Usual {
			names = append(names, f.Name)
		}
	}
	return names
}

func wantsOf(f field) Wants {
	switch {
	case f >= fieldParts && f < fieldHeader:
		return WantsParts
	case f == fieldTLS, f == fieldCipher:
		return WantsTLS
	case f == fieldRequestID:
		return WantsID
	case f == fieldScheme:
		return WantsScheme
	case f == fieldTraceID:
		return WantsTraceID
	}
	return 0
}

// Wants is what entries have to have beside what costs nothing.
func (p *Program) Wants() Wants { return p.wants }

// Takes reports that an exchange is logged: one of the sample, a slow one, and one that has
// failed. cut: its answer was not sent whole.
func (p *Program) Takes(status int, cut bool, tookNanos int64) bool {
	return p.all || status >= http.StatusInternalServerError || cut ||
		p.slowNanos > 0 && tookNanos >= p.slowNanos || rand.Uint64() < p.threshold
}

// TakesTunnel reports that the end of a tunnel is logged: where the exchange that it began as
// was, and where it ended badly.
func (p *Program) TakesTunnel(logged bool, e end.End) bool { return logged || e != end.OK }

// Append appends the line of an exchange or a tunnel, or nothing where the format has none of
// it. It allocates only to enlarge dst.
func (p *Program) Append(dst []byte, e *Entry) []byte {
	if p.format == formatCombined {
		return p.appendCombined(dst, e)
	}
	begin := len(dst)
	if p.format == formatJSON {
		dst = append(dst, '{')
	}
	for i := range p.steps {
		dst = p.steps[i].write(p, dst, &p.steps[i], e)
	}
	switch empty := len(dst) == begin || dst[len(dst)-1] == '{'; {
	case p.format == formatJSON && empty:
		return append(dst, "}\n"...)
	case p.format == formatJSON:
		dst[len(dst)-1] = '}'
		return append(dst, '\n')
	case empty:
		return dst // there is no such line
	}
	dst[len(dst)-1] = '\n'
	return dst
}
