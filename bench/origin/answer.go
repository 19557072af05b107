package origin

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// handler answers for the origin called name:
//
//	/health    200 "ok", always
//	/inspect   the request as the origin saw it, as JSON
//	/sse       server-sent events: ?count=10&interval=100ms
//	/json      16 KiB of JSON, as programs get it: a list of records
//	/drip      a body sent slowly: ?size=1KiB&pieces=10&interval=100ms
//	/upgrade   another protocol, in which every byte comes back
//	any other  the fixed answer, or the echo; ?size=16KiB, ?status=500 and
//	           ?delay=exp:5ms change it for one request
func (s *Server) handler(name string) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		ctx.Response.Header.Set("X-Origin", name)
		switch string(ctx.Path()) {
		case "/health":
			ctx.SetBodyString("ok\n")
		case "/inspect":
			inspect(ctx, name)
		case "/sse":
			s.events(ctx)
		case "/json":
			ctx.SetContentType("application/json")
			ctx.Response.SetBodyRaw(s.json)
		case "/drip":
			s.drip(ctx)
		case "/upgrade":
			s.upgrade(ctx)
		default:
			s.answer(ctx)
		}
	}
}

// answer is the fixed answer. Without a query it allocates nothing.
func (s *Server) answer(ctx *fasthttp.RequestCtx) {
	a := reply{status: s.options.Status, body: s.options.Body, delay: s.options.Delay}
	if len(ctx.URI().QueryString()) > 0 {
		if err := s.adjust(&a, ctx.QueryArgs()); err != nil {
			ctx.Error(err.Error()+"\n", fasthttp.StatusBadRequest)
			return
		}
	}
	s.pause(a.delay.Draw())
	for _, f := range s.header {
		ctx.Response.Header.Add(f[0], f[1])
	}
	if s.fails() {
		ctx.SetStatusCode(s.options.ErrorStatus)
		ctx.SetBodyString("made to fail\n")
		return
	}
	ctx.SetStatusCode(a.status)
	if s.options.Echo {
		echo(ctx)
		return
	}
	if a.stream > 0 {
		ctx.SetBodyStream(&filler{bytes: s.filler, left: a.stream}, int(a.stream))
		return
	}
	ctx.Response.SetBodyRaw(a.body)
}

type reply struct {
	delay  Delay
	body   []byte
	stream int64 // length of a body that is too large to be kept
	status int
}

// adjust reads ?size=, ?status= and ?delay=.
func (s *Server) adjust(a *reply, q *fasthttp.Args) error {
	if v := q.Peek("size"); v != nil {
		n, err := ParseSize(string(v))
		if err != nil {
			return err
		}
		if n > int64(len(s.filler)) {
			a.stream = n
		} else {
			a.body = s.filler[:n]
		}
	}
	if v := q.Peek("status"); v != nil {
		n, err := strconv.Atoi(string(v))
		if err != nil || n < 200 || n > 599 {
			return fmt.Errorf("cannot answer with status %q", v)
		}
		a.status = n
	}
	if v := q.Peek("delay"); v != nil {
		d, err := ParseDelay(string(v))
		if err != nil {
			return err
		}
		a.delay = d
	}
	return nil
}

// echo answers with the request's body, whole when it was buffered, streamed
// otherwise.
func echo(ctx *fasthttp.RequestCtx) {
	ctx.Response.Header.SetBytesV("X-Echo-Method", ctx.Method())
	ctx.Response.Header.SetBytesV("X-Echo-Uri", ctx.RequestURI())
	if ct := ctx.Request.Header.ContentType(); len(ct) > 0 {
		ctx.Response.Header.SetContentTypeBytes(ct)
	}
	length := ctx.Request.Header.ContentLength()
	if length >= 0 && length <= bodyBufferBytes {
		ctx.Response.SetBody(ctx.Request.Body())
		return
	}
	if stream := ctx.RequestBodyStream(); stream != nil {
		ctx.SetBodyStream(stream, max(length, -1))
	}
}

// inspection is what /inspect tells about a request.
type inspection struct {
	Origin    string      `json:"origin"`
	Method    string      `json:"method"`
	URI       string      `json:"uri"`
	Protocol  string      `json:"protocol"`
	Header    [][2]string `json:"header"`
	BodyBytes int64       `json:"body_bytes"`
	Remote    string      `json:"remote"`
}

func inspect(ctx *fasthttp.RequestCtx, name string) {
	i := inspection{
		Origin: name, Method: string(ctx.Method()), URI: string(ctx.RequestURI()),
		Protocol: string(ctx.Request.Header.Protocol()), Remote: ctx.RemoteAddr().String(), Header: [][2]string{},
	}
	for k, v := range ctx.Request.Header.All() {
		i.Header = append(i.Header, [2]string{string(k), string(v)})
	}
	if stream := ctx.RequestBodyStream(); stream != nil {
		i.BodyBytes, _ = io.Copy(io.Discard, stream) // a cut body counts as far as it came
	}
	b, err := json.Marshal(i)
	if err != nil {
		ctx.Error(err.Error(), fasthttp.StatusInternalServerError)
		return
	}
	ctx.SetContentType("application/json")
	ctx.SetBody(append(b, '\n'))
}

const (
	piecesMax     = 1 << 20
	pieceInterval = 100 * time.Millisecond
	piecesDefault = 10
)

// pacing reads ?NAME=..&interval=.. of the endpoints that take their time.
func pacing(q *fasthttp.Args, count string) (pieces int, interval time.Duration, err error) {
	pieces, interval = piecesDefault, pieceInterval
	if v := q.Peek(count); v != nil {
		if pieces, err = strconv.Atoi(string(v)); err != nil || pieces < 1 || pieces > piecesMax {
			return 0, 0, fmt.Errorf("cannot send %s=%q: it must be 1 to %d", count, v, piecesMax)
		}
	}
	if v := q.Peek("interval"); v != nil {
		if interval, err = time.ParseDuration(string(v)); err != nil || interval < 0 {
			return 0, 0, fmt.Errorf("cannot wait interval=%q", v)
		}
	}
	return pieces, interval, nil
}

// events sends server-sent events, each flushed on its own.
func (s *Server) events(ctx *fasthttp.RequestCtx) {
	n, interval, err := pacing(ctx.QueryArgs(), "count")
	if err != nil {
		ctx.Error(err.Error()+"\n", fasthttp.StatusBadRequest)
		return
	}
	ctx.SetContentType("text/event-stream")
	ctx.Response.Header.Set("Cache-Control", "no-cache")
	ctx.SetBodyStreamWriter(func(w *bufio.Writer) {
		for i := range n {
			if i > 0 {
				s.pause(interval)
			}
			fmt.Fprintf(w, "id: %d\ndata: {\"n\":%d,\"at\":%d}\n\n", i, i, time.Now().UnixNano())
			if w.Flush() != nil || s.closing() {
				return
			}
		}
	})
}

// drip sends a body in pieces with pauses between them. With a size it has a
// Content-Length all the same.
func (s *Server) drip(ctx *fasthttp.RequestCtx) {
	n, interval, err := pacing(ctx.QueryArgs(), "pieces")
	size := int64(1 << 10)
	if v := ctx.QueryArgs().Peek("size"); v != nil && err == nil {
		size, err = ParseSize(string(v))
	}
	if err != nil {
		ctx.Error(err.Error()+"\n", fasthttp.StatusBadRequest)
		return
	}
	ctx.Response.ImmediateHeaderFlush = true
	body := &filler{bytes: s.filler, left: size, piece: max((size+int64(n)-1)/int64(n), 1)}
	body.pause = func() { s.pause(interval) }
	ctx.SetBodyStream(body, int(size))
}

func (s *Server) closing() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// filler reads as left made-up bytes, at most piece of them at a time.
type filler struct {
	pause func() // between two pieces; nil: none
	bytes []byte
	left  int64
	piece int64 // 0: as many as fit
	began bool
}

// Read implements io.Reader.
func (f *filler) Read(b []byte) (int, error) {
	if f.left == 0 {
		return 0, io.EOF
	}
	if f.pause != nil && f.began {
		f.pause()
	}
	f.began = true
	limit := min(int64(len(b)), f.left, int64(len(f.bytes)))
	if f.piece > 0 {
		limit = min(limit, f.piece)
	}
	n := copy(b, f.bytes[:limit])
	f.left -= int64(n)
	return n, nil
}

// ParseSize reads 512, 16KiB, 10MiB, 1GiB, or with KB, MB, GB powers of ten. At
// most 1 GiB.
func ParseSize(text string) (int64, error) {
	number, factor := text, int64(1)
	for _, unit := range []struct {
		suffix string
		factor int64
	}{
		{"KiB", 1 << 10},
		{"MiB", 1 << 20},
		{"GiB", 1 << 30},
		{"KB", 1e3},
		{"MB", 1e6},
		{"GB", 1e9},
		{"B", 1},
	} {
		if n, found := strings.CutSuffix(text, unit.suffix); found {
			number, factor = n, unit.factor
			break
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("cannot read the size %q: write 512, 16KiB or 10MiB", text)
	}
	if n > sizeMax/factor {
		return 0, errors.New("cannot use a size above 1GiB")
	}
	return n * factor, nil
}
