package middleware

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/auth/verified"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// forwardAuth asks a service whether a request may pass.
type forwardAuth struct {
	*authority

	place    *Place
	url      stage.Text
	original bool         // the method is that of the request
	send     []stage.Name // empty is all
	take     []stage.Name // from a 2xx into the request
	forged   []stage.Name // what a client must not say itself: those, in all spellings
	give     []stage.Name // from a 2xx to the client
	login    stage.Text   // instead of a 401
	fixed    bool         // url has no variables
	open     bool
	keep     time.Duration // 0 asks each time
	down     *answer.Reject
}

// authority is what outlives a reload.
type authority struct {
	*service

	known   *verified.Cache[pass] // nil without cache
	seed    maphash.Seed
	failing atomic.Bool
}

// pass is what a 2xx has said.
type pass struct{ request, client []passLine }

type passLine struct {
	name  stage.Name
	value []byte
}

const (
	// passesMax bounds the answers that are remembered.
	passesMax = 16 << 10
	// passBytesMax bounds one of them; what says more is asked each time.
	passBytesMax = 4 << 10
)

func newForwardAuth(k *config.StageForwardAuth, p *Place) (*forwardAuth, error) {
	f := &forwardAuth{
		place: p, original: k.Method == "original", open: k.OnFailure == "open", keep: k.Cache,
		send: newNames(k.RequestHeaders), give: newNames(k.ClientHeaders),
		take: newNames(k.ResponseHeaders), forged: newSpelled(k.ResponseHeaders),
		down: answer.New(http.StatusServiceUnavailable, end.AuthUnavailable, "1"),
	}
	var err error
	if f.url, err = stage.NewText(k.URL); err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	_, f.fixed = f.url.Fixed()
	if f.login, err = stage.NewText(k.Redirect401); err != nil {
		return nil, fmt.Errorf("redirect_401: %w", err)
	}
	f.authority, err = Kept(p.Book, p.Name, definition(k, k.TLS), func() (*authority, error) {
		s, err := newService(k.Timeout, k.TLS)
		if err != nil {
			return nil, err
		}
		a := &authority{service: s, seed: maphash.MakeSeed()}
		if k.Cache > 0 {
			a.known = verified.New[pass](passesMax)
		}
		return a, nil
	})
	return f, err
}

// definition is what has to be the same for a stage to keep what it knows: its keys, and
// what its files hold.
func definition(keys any, files *config.ClientTLS) string {
	text, err := json.Marshal(keys)
	if err != nil {
		panic("BUG: keys of a stage that cannot be written: " + err.Error())
	}
	sum := sha256.New()
	_, _ = sum.Write(text)
	if files != nil {
		for _, name := range []string{files.CAFile, files.CertFile, files.KeyFile} {
			data, _ := os.ReadFile(name) // who cannot be read is told of where it is used
			_, _ = fmt.Fprintf(sum, " %d %s", len(data), data)
		}
	}
	return string(sum.Sum(nil))
}

func newNames(texts []string) []stage.Name {
	names := make([]stage.Name, len(texts))
	for i, text := range texts {
		names[i] = stage.NewName(text)
	}
	return names
}

// newSpelled is newNames with underscores for any hyphens, too.
func newSpelled(texts []string) []stage.Name {
	names := newNames(texts)
	for i := range names {
		names[i] = names[i].Spelled()
	}
	return names
}

// Request asks, or knows the answer.
func (f *forwardAuth) Request(c *stage.Call) stage.Verdict {
	if !f.fixed && !f.isPlain(c) {
		return c.Refuse(badRewrite)
	}
	var id [sha256.Size]byte
	var hash uint64
	if f.known != nil {
		c.Scratch = f.appendQuestion(c.Scratch[:0], c)
		hash, id = maphash.Bytes(f.seed, c.Scratch), sha256.Sum256(c.Scratch)
		if p := f.known.Get(hash, id[:], c.NowNanos); p != nil {
			f.admit(c, p)
			return stage.Next
		}
	}
	if !c.MayWait {
		return stage.Wait
	}
	q, err := f.question(c)
	if err == nil {
		err = q.ask(c)
	}
	if err == nil && q.resp.StatusCode() < http.StatusOK {
		err = errNoAnswer
	}
	switch {
	case errors.Is(err, errLeft):
		return stage.Left
	case err != nil:
		return f.failed(c, err)
	}
	f.failing.Store(false)
	if status := q.resp.StatusCode(); status >= http.StatusMultipleChoices {
		return f.refuse(c, q)
	}
	p := f.read(q)
	f.admit(c, &p)
	if f.known != nil && p.mayKeep() {
		f.known.Put(hash, id[:], p, socket.After(c.NowNanos, f.keep), c.NowNanos)
	}
	return stage.Next
}

var errNoAnswer = errors.New("the service has answered with a status below 200")

// question is what the service is asked.
func (f *forwardAuth) question(c *stage.Call) (*question, error) {
	q := &question{service: f.service}
	q.req.Header.DisableNormalizing()
	q.req.Header.SetNoDefaultContentType(true)
	raw := f.appendQuestion(nil, c)
	if err := q.req.Header.Read(bufio.NewReaderSize(bytes.NewReader(raw), len(raw)+1)); err != nil {
		return nil, fmt.Errorf("cannot ask: %w", err)
	}
	return q, nil
}

// failed is what follows when the service could not be asked. What a client says for it
// is gone in any case.
func (f *forwardAuth) failed(c *stage.Call, err error) stage.Verdict {
	f.place.Stats.Add(c.Shard(), observe.MiddlewareFailed)
	if f.failing.CompareAndSwap(false, true) { // once, until it answers again
		f.place.Logger.Warn().Err(err).Str("middleware", f.place.Name).Msg("the authentication service could not be asked")
	}
	if !f.open {
		return c.Refuse(f.down)
	}
	f.admit(c, &pass{})
	return stage.Next
}

// admit puts what a 2xx has said into the request and its answer.
func (f *forwardAuth) admit(c *stage.Call, p *pass) {
	for i := range f.forged {
		c.Request.Remove(&f.forged[i])
	}
	for i := range p.request {
		c.Request.Add(&p.request[i].name, p.request[i].value)
	}
	for i := range p.client {
		c.Answer.Add(&p.client[i].name, p.client[i].value)
	}
}

// read is what a 2xx says.
func (f *forwardAuth) read(q *question) (p pass) {
	for name, value := range q.resp.Header.All() {
		if !passes(q, name) {
			continue
		}
		if isOf(f.take, name) {
			p.request = append(p.request, passLine{stage.NewName(string(name)), bytes.Clone(value)})
		}
		if isOf(f.give, name) {
			p.client = append(p.client, passLine{stage.NewName(string(name)), bytes.Clone(value)})
		}
	}
	return p
}

// mayKeep reports that the answer may count for other requests: it is small, and gives
// the client no cookie, which is given once.
func (p *pass) mayKeep() bool {
	size := 0
	for _, l := range p.request {
		size += len(l.name.String()) + len(l.value)
	}
	for _, l := range p.client {
		if l.name.ID() == wire.FieldSetCookie {
			return false
		}
		size += len(l.name.String()) + len(l.value)
	}
	return size <= passBytesMax
}

// refuse passes an answer on that is no 2xx.
func (f *forwardAuth) refuse(c *stage.Call, q *question) stage.Verdict {
	status := q.resp.StatusCode()
	if c.IsCall() {
		return c.Refuse(answer.New(status, end.AuthRefused, ""))
	}
	reply := stage.Reply{Status: status, End: end.AuthRefused, ContentType: string(q.resp.Header.ContentType()), Body: q.resp.Body()}
	login := status == http.StatusUnauthorized && !f.login.IsEmpty() && bytes.Contains(c.Request.Get(&accept), textHTML)
	if login {
		reply.Status, reply.ContentType, reply.Body = http.StatusFound, "", nil
		if m := string(c.Head.Method); m != http.MethodGet && m != http.MethodHead {
			reply.Status = http.StatusSeeOther
		}
	}
	for name, value := range q.resp.Header.All() {
		of := stage.NewName(string(name))
		switch id := of.ID(); {
		case !passes(q, name), id == wire.FieldContentType, wire.EqualFold(name, "x-isame-error"), wire.EqualFold(name, "alt-svc"):
		case login && id != wire.FieldSetCookie:
		default:
			c.Answer.Add(&of, value)
		}
	}
	if login {
		c.Scratch = f.login.Append(c.Scratch[:0], c)
		c.Answer.Set(&location, c.Scratch)
		c.Answer.Set(&cacheControl, noStore)
	}
	return c.Respond(reply)
}
