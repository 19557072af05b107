package handler

import (
	"bytes"
	"io"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// Request is what a handler is shown. Show copies it; Head, Added and the other bytes may
// move behind it, but for Body, which has to stay until Release.
type Request struct {
	Method []byte
	// Path and Query are the target octet for octet; Query is nil where there is no ?. The
	// handler sees one slash where the path begins with several. Host is the address that
	// the client came to where it has named none.
	Path, Query []byte
	Host        []byte
	// Head has the field lines, without those that are marked Drop, Added further ones as
	// whole lines.
	Head  *wire.Head
	Added []byte
	// Upgrade is the protocol that the client asks for, nil is none.
	Upgrade []byte
	Minor   byte
	// HTTPS says what the client is believed to speak, TLS is its connection where that is
	// of TLS.
	HTTPS bool
	TLS   Secured
	// Ends are the addresses of the connection.
	Ends Addresses

	// The content: none, in memory as Body, or Stream with its Length, -1 is not known.
	Body   []byte
	Stream io.Reader
	Length int64
}

// BodyKind says what is sent as content.
type BodyKind uint8

const (
	// BodyKept is what came, unread.
	BodyKept BodyKind = iota
	// BodyBytes is Change.Body.
	BodyBytes
	// BodyStream is Change.Stream with Change.Length, -1 is not known.
	BodyStream
)

// Change is what a handler has made of the request when it calls next. Bytes are good
// until Next returns.
type Change struct {
	// Method, Path, Query and Host are nil where they are as they were. NoQuery: it was
	// taken off.
	Method, Path, Query, Host []byte
	NoQuery                   bool
	// Fields says that lines are others: AppendRequestFields gives all of them.
	Fields bool

	Kind   BodyKind
	Body   []byte
	Stream io.Reader
	Length int64
}

// Change is for Next.
func (c *Call) Change() *Change { return &c.change }

// Show has the handler see r. Run follows.
func (c *Call) Show(r *Request) {
	c.req = *r
	c.peer.attach(r.Ends, r.TLS)
	if r.TLS != nil {
		c.ctx.Init2(&c.peer, c.stage.logger, false)
	} else {
		c.ctx.Init2(&c.peer.peer, c.stage.logger, false)
	}
	req := &c.ctx.Request
	req.Reset() // also of its logger, which would hear of each PostBody of a stream
	c.keep(r)
	h := &req.Header
	h.SetMethodBytes(c.method)
	h.SetRequestURIBytes(c.target)
	h.SetHostBytes(c.host)
	if r.Minor == 0 {
		h.SetProtocol("HTTP/1.0")
	}
	switch {
	case r.Stream != nil:
		c.in.attach(r.Stream, c.stage.memoryMax)
		req.SetBodyStream(c.in, int(r.Length))
	case len(r.Body) > 0:
		req.SetBodyRaw(r.Body)
		h.SetContentLength(len(r.Body))
	}
	c.showFields(h)
	if r.HTTPS {
		req.URI().SetScheme("https")
	}
}

// keep copies what stands in the request line and Host, as the handler sees it. fasthttp
// takes a path for a whole URL where it begins with several slashes or no host is known,
// and a scheme stands in it: the handler would look at another path than the backend.
func (c *Call) keep(r *Request) {
	c.method, c.host = append(c.method[:0], r.Method...), append(c.host[:0], r.Host...)
	if len(c.host) == 0 {
		c.host = r.Ends.Local().AppendTo(c.host)
	}
	path := r.Path
	for len(path) > 1 && path[0] == '/' && path[1] == '/' {
		path = path[1:]
	}
	c.target = append(c.target[:0], path...)
	if r.Query != nil {
		c.target = append(append(c.target, '?'), r.Query...)
	}
}

// showFields copies the field lines.
func (c *Call) showFields(h *fasthttp.RequestHeader) {
	c.asked.clear()
	h.DisableSpecialHeader() // what is special is done here, by the identity of a name
	h.DisableNormalizing()
	eachLine(c.req.Head, c.req.Added, func(id wire.FieldID, name, value []byte) { c.showField(h, id, name, value) })
	h.EnableNormalizing()
	h.EnableSpecialHeader()
	if c.req.Upgrade != nil {
		h.Set(fasthttp.HeaderConnection, fasthttp.HeaderUpgrade)
		h.SetBytesV(fasthttp.HeaderUpgrade, c.req.Upgrade)
	}
}

func (c *Call) showField(h *fasthttp.RequestHeader, id wire.FieldID, name, value []byte) {
	switch id { //nolint:exhaustive // the other fields are ordinary
	case wire.FieldHost, wire.FieldContentLength, wire.FieldTransferEncoding, wire.FieldConnection, wire.FieldTrailer:
		return
	case wire.FieldUserAgent:
		h.SetUserAgentBytes(value)
		c.asked.agent = append(c.asked.agent[:0], value...)
		return
	case wire.FieldContentType:
		h.SetContentTypeBytes(value)
		c.asked.media = append(c.asked.media[:0], value...)
		return
	}
	var room [nameMax]byte
	name = canonicalName(room[:0], id, name)
	h.AddBytesKV(name, value)
	if id == wire.FieldCookie {
		if len(c.asked.cookies) > 0 {
			c.asked.cookies = append(c.asked.cookies, "; "...)
		}
		c.asked.cookies = append(c.asked.cookies, value...)
		return
	}
	c.asked.fields = appendLine(c.asked.fields, name, value)
}

// inspect finds what the handler has changed.
func (c *Call) inspect() error {
	ch := &c.change
	*ch = Change{}
	h := &c.ctx.Request.Header
	if m := h.Method(); !bytes.Equal(m, c.method) {
		ch.Method = m
	}
	c.inspectTarget()
	ch.Fields = !c.fieldsKept(h)
	if ch.Fields && !validFields(h.All()) {
		return ErrField
	}
	return c.inspectBody()
}

// inspectTarget finds out about path, query and host. A handler that has only looked at
// them leaves them in other spelling: such is compared with what looking makes of the
// original.
func (c *Call) inspectTarget() {
	ch, req := &c.change, &c.ctx.Request
	u := req.URI()
	host, got := req.Header.Host(), req.Header.RequestURI()
	sameHost := bytes.Equal(host, c.host)
	if bytes.Equal(got, c.target) || len(got) == 0 || got[0] != '/' {
		got = u.RequestURI()
	}
	if bytes.Equal(got, c.target) && sameHost && bytes.EqualFold(u.Host(), c.host) {
		return
	}
	_ = c.norm.Parse(c.host, c.target) // as fasthttp did: what it makes of a bad one is the same
	switch {
	case !sameHost:
		ch.Host = host
	case !bytes.Equal(u.Host(), c.norm.Host()):
		ch.Host = u.Host()
	}
	path, query, hasQuery := bytes.Cut(got, question)
	was, wasQuery, _ := bytes.Cut(c.target, question)
	normPath, normQuery, _ := bytes.Cut(c.norm.RequestURI(), question)
	if !bytes.Equal(path, was) && !bytes.Equal(path, normPath) {
		ch.Path = path
	}
	if bytes.Equal(query, wasQuery) || bytes.Equal(query, normQuery) {
		return
	}
	c.norm.QueryArgs() // renders the query from its parts
	if _, normQuery, _ = bytes.Cut(c.norm.RequestURI(), question); bytes.Equal(query, normQuery) {
		return
	}
	ch.Query, ch.NoQuery = query, !hasQuery || len(query) == 0
}

var question = []byte("?")

// fieldsKept reports that the field lines are as they were shown.
func (c *Call) fieldsKept(h *fasthttp.RequestHeader) bool {
	if !bytes.Equal(h.ContentType(), c.asked.media) || !bytes.Equal(h.UserAgent(), c.asked.agent) {
		return false
	}
	rest, cookies := c.asked.fields, false
	for name, value := range h.All() {
		var same bool
		if rest, same = cutEqual(rest, name, value); same { // none of those below is in it
			continue
		}
		switch string(name) {
		case fasthttp.HeaderHost, fasthttp.HeaderContentType, fasthttp.HeaderUserAgent:
			same = true
		case fasthttp.HeaderCookie:
			same, cookies = c.cookiesKept(value), true
		default:
			same = isOurs(name)
		}
		if !same {
			return false
		}
	}
	return len(rest) == 0 && (cookies || c.cookiesKept(nil))
}

// cookiesKept reports that value is what fasthttp makes of the cookies that came.
func (c *Call) cookiesKept(value []byte) bool {
	if bytes.Equal(value, c.asked.cookies) {
		return true
	}
	c.jar.Reset() // fasthttp drops what is no cookie
	c.jar.SetBytesV(fasthttp.HeaderCookie, c.asked.cookies)
	return bytes.Equal(value, c.jar.Peek(fasthttp.HeaderCookie))
}

// inspectBody finds out about the content.
func (c *Call) inspectBody() error {
	ch, req := &c.change, &c.ctx.Request
	read, tooLarge := c.in.state()
	stream := req.BodyStream()
	switch {
	case c.req.Stream != nil && tooLarge:
		return ErrBodyTooLarge
	case c.req.Stream != nil && stream == c.in:
		if read > 0 {
			return ErrBodyTaken
		}
		return nil
	case stream != nil:
		ch.Kind, ch.Stream, ch.Length = BodyStream, stream, int64(max(req.Header.ContentLength(), -1))
		return nil
	}
	body := req.Body()
	switch {
	case c.req.Stream == nil && sameMemory(body, c.req.Body):
		return nil
	case c.req.Stream != nil && len(body) == 0 && read > 0:
		return ErrBodyTaken
	}
	ch.Kind, ch.Body, ch.Length = BodyBytes, body, int64(len(body))
	return nil
}

// AppendRequestFields appends the field lines of the request as the handler has left them,
// but for Host, framing and what is hop by hop.
func (c *Call) AppendRequestFields(b []byte) []byte {
	h := &c.ctx.Request.Header
	for name, value := range h.All() {
		if !isOurs(name) && string(name) != fasthttp.HeaderHost {
			b = appendLine(b, name, value)
		}
	}
	return b
}

func sameMemory(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
