package ctl

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// typeEvents is the media type of server-sent events.
const typeEvents = "text/event-stream"

// flow is what a stream says. The goroutine of its connection alone uses it.
type flow interface {
	// wake is told when there may be more; nil where it is only seen by looking.
	wake() <-chan struct{}
	// write appends what there is, as events, and reports that there may be more.
	write(out *bytes.Buffer) (more bool)
	// close ends it.
	close()
}

const (
	// streamLook is how often a flow without wake is looked at.
	streamLook = 20 * time.Millisecond
	// streamHurry is how long a reader that does not read may hold up Shutdown.
	streamHurry = time.Second
)

// stream is the body of an answer that goes on: fasthttp reads it and writes what it gets
// to the client, chunk by chunk, in the goroutine of the connection, which counts as one
// of connectionsMax as long. It ends when the client leaves or reads nothing for
// Timeouts.Write, when it may not see this any more, and by Shutdown. The connection ends
// with it.
type stream struct {
	server *Server
	kind   string
	conn   net.Conn
	flow   flow
	may    func() bool // whether the client may see this, as things are now
	look   *time.Ticker
	beat   *time.Ticker

	out  bytes.Buffer // is to be written
	more bool         // the flow has not said everything
	over bool         // nothing comes behind out

	began    bool
	watching sync.WaitGroup
	gone     chan struct{} // closed when the client has left
	asked    chan struct{} // told when what it may has changed
}

// streams are those of a server.
type streams struct {
	mu struct {
		sync.Mutex
		open map[*stream]struct{}
	}
}

// begin counts a stream; false: there are as many of its kind as may be.
func (l *streams) begin(st *stream, most int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for other := range l.mu.open {
		if other.kind == st.kind {
			n++
		}
	}
	if n >= most {
		return false
	}
	if l.mu.open == nil {
		l.mu.open = map[*stream]struct{}{}
	}
	l.mu.open[st] = struct{}{}
	return true
}

func (l *streams) end(st *stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.mu.open, st)
}

// each calls f, which must not wait, for every stream that is open.
func (l *streams) each(f func(st *stream)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for st := range l.mu.open {
		f(st)
	}
}

// askAgain has every stream find out whether its client may still see it.
func (l *streams) askAgain() {
	l.each(func(st *stream) {
		select {
		case st.asked <- struct{}{}:
		default: // it is about to
		}
	})
}

// hurry bounds how long writes may take that are under way.
func (l *streams) hurry() {
	l.each(func(st *stream) { _ = st.conn.SetWriteDeadline(time.Now().Add(streamHurry)) })
}

// stream answers with a flow that open begins, unless there are as many streams of this
// kind as may be. HEAD gets the header alone.
func (s *Server) stream(x *call, kind string, most int, open func() (flow, error)) error {
	if p := x.acceptsEvents(); p != nil {
		return p
	}
	if x.ctx.IsHead() {
		x.ctx.SetContentType(typeEvents)
		return nil
	}
	header, need := &x.ctx.Request.Header, x.endpoint.needs()
	st := &stream{
		server: s, kind: kind, conn: x.ctx.Conn(), gone: make(chan struct{}), asked: make(chan struct{}, 1),
		may: func() bool { return s.holds(header, need) && !s.isOutdated(x.ctx.Conn()) },
	}
	if !s.streams.begin(st, most) {
		return api.NewProblem(http.StatusConflict, "as many read "+kind+" as may: try again when one of them has left").WithCode(api.CodeBusy)
	}
	f, err := open()
	if err != nil {
		s.streams.end(st)
		return err
	}
	st.flow = f
	st.beat = time.NewTicker(s.opts.Timeouts.Beat)
	if f.wake() == nil {
		st.look = time.NewTicker(streamLook)
	}
	x.ctx.SetContentType(typeEvents)
	x.ctx.Response.Header.Set("X-Accel-Buffering", "no") // for a proxy in front of the endpoint
	x.ctx.SetConnectionClose()
	x.ctx.Response.ImmediateHeaderFlush = true
	x.ctx.Response.SetBodyStream(st, -1)
	return nil
}

// acceptsEvents refuses clients that could not read a stream: of HTTP/1.0, where there is
// no chunk, and those that ask for something else by name.
func (x *call) acceptsEvents() *api.Problem {
	if p := x.needsChunks("a stream"); p != nil {
		return p
	}
	accept := strings.TrimSpace(string(x.ctx.Request.Header.Peek(fasthttp.HeaderAccept)))
	if accept == "" {
		return nil
	}
	for item := range strings.SplitSeq(accept, ",") {
		media, parameters, err := mime.ParseMediaType(item)
		q, weighed := parameters["q"]
		isRefused := weighed && strings.Trim(q, "0.") == ""
		if err == nil && !isRefused && (media == typeEvents || media == "text/*" || media == "*/*") {
			return nil
		}
	}
	return api.NewProblem(http.StatusNotAcceptable, "this call answers "+typeEvents+" only: accept it").WithCode(api.CodeMediaType)
}

// needsChunks refuses a client of HTTP/1.0 where the length of what is not known
// beforehand: fasthttp would send it chunks, which it takes for content.
func (x *call) needsChunks(what string) *api.Problem {
	if x.ctx.Request.Header.IsHTTP11() {
		return nil
	}
	return api.NewProblem(http.StatusHTTPVersionNotSupported, what+" needs HTTP/1.1")
}

// Read is called by fasthttp, in the goroutine of the connection. It waits until there is
// something to be written. A client has Timeouts.Write for each piece.
func (st *stream) Read(p []byte) (int, error) {
	if !st.began {
		st.began = true
		st.watch()
		st.say("")
		st.more = true
	}
	for st.out.Len() == 0 {
		if st.over {
			return 0, io.EOF
		}
		st.wait()
	}
	n, _ := st.out.Read(p)
	by := st.server.opts.Timeouts.Write
	select {
	case <-st.server.stop:
		by = streamHurry
	default:
	}
	_ = st.conn.SetWriteDeadline(time.Now().Add(by)) // the write will say it
	return n, nil
}

// wait has the flow say more, once there is reason to look.
func (st *stream) wait() {
	var look <-chan time.Time
	if st.look != nil {
		look = st.look.C
	}
	farewell := ""
	if !st.more {
		select {
		case <-st.flow.wake():
		case <-look:
		case <-st.beat.C:
			st.say("")
		case <-st.asked:
		case <-st.gone:
			st.over = true
			return
		case <-st.server.stop:
			farewell = "the process ends"
		}
	}
	if farewell == "" && !st.may() {
		st.over = true
		st.say("who may see this has changed")
		return
	}
	st.more = st.flow.write(&st.out)
	if farewell != "" && !st.more {
		st.over = true
		st.say(farewell)
	}
}

// say writes a comment, which clients ignore.
func (st *stream) say(text string) {
	st.out.WriteString(":" + text + "\n\n")
}

// watch notices that the client leaves. What it still sends is read and dropped: its
// connection ends with this answer.
func (st *stream) watch() {
	_ = st.conn.SetReadDeadline(time.Time{}) // Close sets another one
	safely.GoIn(&st.watching, "stream", func() {
		defer close(st.gone)
		_, _ = io.Copy(io.Discard, struct{ io.Reader }{st.conn})
	})
}

// Close is called by fasthttp when the answer has ended, in whichever way.
func (st *stream) Close() error {
	_ = st.conn.SetReadDeadline(time.Unix(1, 0))
	st.watching.Wait()
	st.beat.Stop()
	if st.look != nil {
		st.look.Stop()
	}
	st.flow.close()
	st.server.streams.end(st)
	return nil
}

// writeEvent appends an event; one without an id says nothing about where to resume. JSON
// has no line break, so its data is one line.
func writeEvent(out *bytes.Buffer, id, kind string, data any) {
	if id != "" {
		out.WriteString("id: " + id + "\n")
	}
	out.WriteString("event: " + kind + "\ndata: ")
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(data); err != nil { // which ends the line
		panic("BUG: an event of the admin API cannot be encoded: " + err.Error())
	}
	out.WriteByte('\n')
}
