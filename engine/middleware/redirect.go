package middleware

import (
	"fmt"
	"net/http"
	"regexp"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// redirect answers with a Location: that of the map for the path, else what to makes of the
// request.
type redirect struct {
	moved  moves
	to     *Destination // nil without
	regex  *regexp.Regexp
	status int
}

func newRedirect(k *config.StageRedirect, _ *Place) (*redirect, error) {
	r := &redirect{status: k.Status}
	var err error
	if k.Regex != "" {
		if r.regex, err = regexp.Compile(k.Regex); err != nil {
			return nil, fmt.Errorf("regex: %w", err)
		}
	}
	if k.To != "" {
		if r.to, err = NewDestination(k.To, r.regex); err != nil {
			return nil, fmt.Errorf("to: %w", err)
		}
	}
	if k.MapFile != "" {
		if r.moved, err = readMoves(k.MapFile); err != nil {
			return nil, fmt.Errorf("map_file: %w", err)
		}
	}
	return r, nil
}

// A call of gRPC cannot follow a redirect: what it asks for is not here.
var movedCall = answer.New(http.StatusNotFound, end.Denied, "")

// Request answers a request that the map has or the expression matches; others pass on.
func (r *redirect) Request(c *stage.Call) stage.Verdict {
	if m, known := r.moved[string(c.Path)]; known {
		if m.status == 0 {
			m.status = r.status
		}
		return r.answer(c, m.to, m.status)
	}
	if r.to == nil {
		return stage.Next
	}
	if len(c.Head.Host) == 0 && (r.regex != nil || r.to.needsHost) {
		return c.Refuse(answer.ForError(wire.ErrBadHost)) // nothing to build a location from
	}
	var m []int
	c.Scratch = c.Scratch[:0]
	if r.regex != nil {
		c.Scratch = appendPortless(c.Scratch, c)
		if !r.regex.Match(c.Scratch) {
			return stage.Next
		}
		m = r.regex.FindSubmatchIndex(c.Scratch)
	}
	url := len(c.Scratch)
	c.Scratch = r.to.append(c.Scratch, c, m)
	return r.answer(c, c.Scratch[url:], r.status)
}

func (r *redirect) answer(c *stage.Call, to []byte, status int) stage.Verdict {
	if c.IsCall() {
		return c.Refuse(movedCall)
	}
	c.Answer.Set(&location, to)
	return c.Respond(stage.Reply{Status: status})
}

// appendPortless appends the URL that was asked for, without the port.
func appendPortless(dst []byte, c *stage.Call) []byte {
	dst = append(append(dst, c.Scheme()...), "://"...)
	return c.AppendURI(append(dst, wire.CutPort(c.Head.Host)...))
}
