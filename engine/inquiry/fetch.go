package inquiry

import (
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// page is an inquiry for a page.
type page struct {
	*Inquiry

	bytesMax int
	got      stage.Fetched
	whole    bool
	done     chan struct{}
}

// Fetch asks for a page, and waits with patience. q has its pool, its shard and its head,
// and is not the caller's any more; false: there is none, or it is larger than bytesMax.
func Fetch(q *Inquiry, p socket.Patience, bytesMax int) (got stage.Fetched, ok bool) {
	w := &page{Inquiry: q, bytesMax: bytesMax, done: make(chan struct{})}
	q.ByNanos, q.Reuse, q.To = p.ByNanos, attempt.ReuseFree, w
	q.Prepare()
	safely.GoThen("fetch", func() {
		_, out := w.Ask()
		w.whole = out == attempt.OK
	}, func() { close(w.done) })
	if socket.Await(p, w.done) != nil {
		w.End() // it is its goroutine's alone from here on
		return got, false
	}
	return w.got, w.whole
}

// Met takes the head.
func (w *page) Met(h *wire.ResponseHead) bool {
	w.got = stage.Fetched{Status: h.Status, ContentType: string(h.Value(wire.FieldContentType))}
	return h.Status/100 == 2 && h.Value(wire.FieldContentEncoding) == nil && h.ContentLength <= int64(w.bytesMax)
}

// Took takes a piece of the content.
func (w *page) Took(data []byte) bool {
	w.got.Body = append(w.got.Body, data...)
	return len(w.got.Body) <= w.bytesMax
}

// AppendRequest appends the head of a request for a page that says of the client what
// chooses among pages.
func AppendRequest(target, host, id []byte, of *wire.RequestHead) []byte {
	b := append(append([]byte("GET "), target...), " HTTP/1.1\r\nHost: "...)
	b = append(append(b, host...), "\r\n"...)
	b = appendField(b, "Accept", of.Value(wire.FieldAccept))
	b = appendField(b, "Accept-Language", of.Value(wire.FieldAcceptLanguage))
	return append(appendField(b, "X-Request-Id", id), "\r\n"...)
}

func appendField(b []byte, name string, value []byte) []byte {
	if value == nil {
		return b
	}
	return append(append(append(append(b, name...), ": "...), value...), "\r\n"...)
}
