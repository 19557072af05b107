package middleware

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/stage"
)

// errorPages gives errors a page of their own.
type errorPages struct {
	place    *Place
	statuses statuses
	proxy    bool // errors that the proxy makes
	backend  bool // those that backends answer with
	status   int  // of the answer; 0 leaves it
	body     []byte
	kind     string // of body, or of what the pool says
	pool     string // empty: body is the page
	path     stage.Text
	fetching *atomic.Int32
}

const (
	// errorPageWithin is how long a pool may take for a page. It comes on top of what the
	// error has taken.
	errorPageWithin = 2 * time.Second
	// errorPageBytesMax bounds a page of a pool.
	errorPageBytesMax = 1 << 20
	// errorPagesMax bounds the pages that one stage asks for at once: when all fails, not
	// every failure has to cost another request.
	errorPagesMax = 64
)

func newErrorPages(k *config.StageErrorPages, p *Place) (*errorPages, error) {
	e := &errorPages{
		place: p, proxy: k.From != "backend", backend: k.From != "proxy", status: k.Status, pool: k.Pool,
		kind: k.ContentType, fetching: new(atomic.Int32),
	}
	var err error
	if e.statuses, err = parseStatuses(k.Statuses); err != nil {
		return nil, fmt.Errorf("statuses: %w", err)
	}
	if e.path, err = stage.NewAnswerText(k.Path); err != nil {
		return nil, fmt.Errorf("path: %w", err)
	}
	if e.pool == "" {
		e.body, e.kind, err = source{k.Body, k.File, k.ContentType}.read()
	}
	return e, err
}

// Response puts the page in place of an error.
func (e *errorPages) Response(c *stage.Call) stage.Verdict {
	if !e.means(c) {
		return stage.Next
	}
	body, kind := e.body, e.kind
	if e.pool != "" {
		if !c.MayWait {
			return stage.Wait
		}
		got, ok := e.fetch(c)
		switch {
		case c.Gone(): // the answer that stands is written to nobody
			return stage.Next
		case !ok:
			e.place.Stats.Add(c.Shard(), observe.MiddlewareFailed)
			return stage.Next
		}
		body = got.Body
		if kind == "" {
			kind = got.ContentType
		}
		if isHTML(kind) && wantsJSON(c) {
			return stage.Next
		}
	}
	status := e.status
	if status == 0 {
		status = c.Status
	}
	c.Answer.Carry(isOfContent)
	return c.Respond(stage.Reply{Status: status, End: c.End, ContentType: kind, Body: body})
}

// means reports that an answer gets the page. One of the proxy does not whose content
// somebody has configured, nor one whose client would not understand it.
func (e *errorPages) means(c *stage.Call) bool {
	switch {
	case !e.statuses.has(c.Status), c.Empty, c.IsCall(), bytes.HasPrefix(c.Field(&contentType), grpcType):
		return false
	case c.Own && (!e.proxy || !c.Worded && c.Length != 0), !c.Own && !e.backend:
		return false
	}
	return !e.isPage() || !wantsJSON(c)
}

// isPage reports that the page is known to be HTML before it is there.
func (e *errorPages) isPage() bool {
	if e.kind != "" || e.pool == "" {
		return isHTML(e.kind)
	}
	path, fixed := e.path.Fixed()
	return !fixed || strings.HasSuffix(path, ".html") || strings.HasSuffix(path, ".htm")
}

func (e *errorPages) fetch(c *stage.Call) (got stage.Fetched, ok bool) {
	defer e.fetching.Add(-1)
	if e.fetching.Add(1) > errorPagesMax {
		return got, false
	}
	c.Scratch = stage.Encode(e.path.Append(c.Scratch[:0], c), 0, inTarget)
	return c.Fetch(&stage.Wanted{Pool: e.pool, Target: c.Scratch, BytesMax: errorPageBytesMax, Within: errorPageWithin})
}

var (
	contentType = stage.NewName("Content-Type")
	grpcType    = []byte("application/grpc")
)

// isHTML reports that a media type is one of pages for people.
func isHTML(kind string) bool {
	return strings.HasPrefix(kind, "text/html") || strings.HasPrefix(kind, "application/xhtml")
}

var jsonType = []byte("json")

// wantsJSON reports a client that asks for JSON rather than for a page.
func wantsJSON(c *stage.Call) bool {
	value := c.Field(&accept)
	return bytes.Contains(value, jsonType) && answer.FormFor(value) == answer.Problem
}

// contentFields are the fields that describe the content of an answer, or belong to the
// connection and the head that it came with.
var contentFields = newSpelled([]string{
	"content-type", "content-length", "content-encoding", "content-language", "content-range", "content-disposition",
	"content-location", "content-md5", "content-digest", "repr-digest", "digest", "etag", "last-modified", "accept-ranges",
	"age", "expires", "date", "server", "transfer-encoding", "trailer", "connection", "keep-alive", "upgrade",
	"strict-transport-security", "alt-svc", "x-isame-error",
})

func isOfContent(name []byte) bool { return isOf(contentFields, name) }
