package middleware

import (
	"net/http"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/stage"
)

// sessionAffinity sends requests with a value that an answer has issued to the backend which has.
// It only wishes for it: where that backend takes nothing, the request is balanced as any
// other, and if another backend answers it well, the session is that one's.
type sessionAffinity struct {
	name  stage.Name
	known *sessions
}

func newAffinity(k *config.StageAffinity, p *Place) (*sessionAffinity, error) {
	known, err := Kept(p.Book, p.Name, "affinity "+strings.ToLower(k.ResponseHeader), func() (*sessions, error) {
		return newSessions(), nil
	})
	if err != nil {
		return nil, err
	}
	if !p.Book.looks {
		known.ttl.Store(int64(max(k.TTL, time.Second) / time.Second))
	}
	return &sessionAffinity{name: stage.NewName(k.ResponseHeader), known: known}, nil
}

// Request finds the backend that the request belongs to.
func (a *sessionAffinity) Request(c *stage.Call) stage.Verdict {
	session := a.known.session(c.Request.Get(&a.name))
	*c.Slot() = session
	if session != 0 {
		if backend := a.known.find(session, c.NowNanos); backend != "" {
			c.Place = backend
		}
	}
	return stage.Next
}

// Response learns whose the session is that the answer has issued, or that the backend
// knows.
func (a *sessionAffinity) Response(c *stage.Call) stage.Verdict {
	asked, backend := *c.Slot(), c.Backend()
	if c.Own || backend == "" {
		return stage.Next
	}
	good := c.Status < http.StatusBadRequest
	if asked != 0 && good && string(c.Head.Method) == http.MethodDelete { // the end of a session of MCP
		a.known.forget(asked)
		return stage.Next
	}
	if issued := a.known.session(c.Answer.Get(&a.name)); issued != 0 && good {
		a.known.learn(issued, backend, c.NowNanos)
	}
	if asked == 0 {
		return stage.Next
	}
	switch was := a.known.find(asked, c.NowNanos); {
	case was == "" || was == backend:
	case good: // the other one has gone
		a.known.learn(asked, backend, c.NowNanos)
	case c.Status == http.StatusNotFound: // nobody knows it any more
		a.known.forget(asked)
	}
	return stage.Next
}
