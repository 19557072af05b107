package ctl

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/valyala/fasthttp"
)

// headerKey is the field by which a client says that two requests are one.
const headerKey = "Idempotency-Key"

// Bounds of what is remembered of answers.
const (
	answerTime        = 10 * time.Minute
	answersMax        = 1000
	answerBytesMax    = 1 << 20
	keyHeaderBytesMax = 255
)

// answered is a request that was made under a key, and its answer.
type answered struct {
	request [sha256.Size]byte
	at      time.Time
	isDone  bool // else it is under way

	status     int
	tag, media string
	body       []byte
	close      bool
}

// memory holds the answers to changes that had a key. The zero value is empty.
type memory struct {
	sync.Mutex
	known map[string]*answered // by author and key
}

// once calls do, or gives the answer of the same request with the same Idempotency-Key in
// the last ten minutes. Refusals changed nothing, so they are not remembered.
func (s *Server) once(x *call, do func() error) error {
	key := string(x.ctx.Request.Header.Peek(headerKey))
	if key == "" {
		return do()
	}
	if len(key) > keyHeaderBytesMax {
		return api.NewProblem(http.StatusBadRequest, fmt.Sprintf("%s is longer than %d bytes", headerKey, keyHeaderBytesMax))
	}
	name := x.author + "\x00" + key
	a, err := s.memory.begin(name, requestSum(x.ctx), s.now())
	if err != nil {
		return x.refused(err, nil)
	}
	if a.isDone {
		a.repeat(x.ctx)
		return nil
	}
	kept := false
	defer func() { // also where do meets a bug
		if !kept {
			s.memory.forget(name)
		}
	}()
	if err := do(); err != nil {
		return err
	}
	kept = s.memory.keep(a, &x.ctx.Response)
	return nil
}

// requestSum tells two requests apart.
func requestSum(ctx *fasthttp.RequestCtx) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, part := range [][]byte{ctx.Method(), ctx.RequestURI(), ctx.Request.Header.ContentType(), ctx.PostBody()} {
		_, _ = fmt.Fprintf(h, "%d ", len(part))
		h.Write(part)
	}
	h.Sum(sum[:0])
	return sum
}

// begin is the request that was made under a name, or a new one that is under way.
func (m *memory) begin(name string, sum [sha256.Size]byte, now time.Time) (*answered, error) {
	m.Lock()
	defer m.Unlock()
	a := m.known[name]
	switch {
	case a == nil || now.Sub(a.at) > answerTime:
	case a.request != sum:
		return nil, api.NewProblem(http.StatusUnprocessableEntity, "this "+headerKey+" came with another request before").
			WithCode(api.CodeIdempotencyMismatch)
	case !a.isDone:
		return nil, api.NewProblem(http.StatusConflict, "the request with this "+headerKey+" is under way").WithCode(api.CodeBusy)
	default:
		return a, nil
	}
	if m.known == nil {
		m.known = map[string]*answered{}
	}
	m.makeRoom(now)
	a = &answered{request: sum, at: now}
	m.known[name] = a
	return a, nil
}

// makeRoom drops what is too old, and else the oldest.
func (m *memory) makeRoom(now time.Time) {
	oldest := ""
	for name, a := range m.known {
		if now.Sub(a.at) > answerTime {
			delete(m.known, name)
			continue
		}
		if oldest == "" || a.at.Before(m.known[oldest].at) {
			oldest = name
		}
	}
	if len(m.known) >= answersMax {
		delete(m.known, oldest)
	}
}

func (m *memory) forget(name string) {
	m.Lock()
	defer m.Unlock()
	delete(m.known, name)
}

// keep remembers the answer; false where it is too large for that.
func (m *memory) keep(a *answered, r *fasthttp.Response) bool {
	if len(r.Body()) > answerBytesMax {
		return false
	}
	m.Lock()
	defer m.Unlock()
	a.isDone, a.status = true, r.StatusCode()
	a.tag, a.media = string(r.Header.Peek(fasthttp.HeaderETag)), string(r.Header.ContentType())
	a.body, a.close = append([]byte(nil), r.Body()...), r.ConnectionClose()
	return true
}

// repeat answers as before. What is done is not changed any more.
func (a *answered) repeat(ctx *fasthttp.RequestCtx) {
	ctx.SetStatusCode(a.status)
	if a.tag != "" {
		ctx.Response.Header.Set(fasthttp.HeaderETag, a.tag)
	}
	if a.media != "" {
		ctx.SetContentType(a.media)
	}
	ctx.SetBody(a.body)
	if a.close {
		ctx.SetConnectionClose()
	}
}
