package handler

import (
	"bytes"
	"io"
	"net/http"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// Answer is what Next has to show: of a backend, or of our own. Call.Answer copies it;
// Head, Added and Reason may move behind it, but for Body, which has to stay until Release.
type Answer struct {
	Status int
	Reason []byte
	// Head has the field lines, without those that are marked Drop, Added further ones as
	// whole lines; where both are of a name, those are what counts.
	Head  *wire.Head
	Added []byte

	// The content: none whatever Length says (Empty), in memory as Body, or Stream.
	// Length is what the head says of it, -1 is nothing.
	Body   []byte
	Stream io.Reader
	Length int64
	Empty  bool
}

// Answer shows the handler what its next has brought about. For Next, once.
func (c *Call) Answer(a *Answer) {
	c.ans, c.answered = *a, true
	resp := &c.ctx.Response
	h := &resp.Header
	c.notePreset(h)
	resp.SetStatusCode(a.Status)
	h.SetStatusMessage(a.Reason)
	switch {
	case a.Stream != nil:
		c.out.attach(a.Stream, c.stage.memoryMax)
		resp.SetBodyStream(c.out, int(a.Length))
	case len(a.Body) > 0:
		resp.SetBodyRaw(a.Body)
		h.SetContentLength(len(a.Body))
	default:
		resp.ResetBody()
		if a.Length >= 0 {
			h.SetContentLength(int(a.Length))
		}
	}
	c.said.clear()
	h.DisableNormalizing() // names are made canonical here
	eachLine(a.Head, a.Added, func(id wire.FieldID, name, value []byte) { c.sayField(h, id, name, value) })
	h.EnableNormalizing()
}

func (c *Call) sayField(h *fasthttp.ResponseHeader, id wire.FieldID, name, value []byte) {
	switch id { //nolint:exhaustive // the other fields are ordinary
	case wire.FieldContentLength, wire.FieldTransferEncoding, wire.FieldConnection, wire.FieldTrailer, wire.FieldDate:
		return
	}
	var room [nameMax]byte
	name = canonicalName(room[:0], id, name)
	if len(c.preset) > 0 && !joins(id) && c.isPreset(name) {
		return // what the handler has said stands
	}
	switch id { //nolint:exhaustive // likewise
	case wire.FieldContentType:
		h.SetContentTypeBytes(value)
		c.said.media = append(c.said.media[:0], value...)
		return
	case wire.FieldContentEncoding:
		h.SetContentEncodingBytes(value)
		c.said.coding = append(c.said.coding[:0], value...)
		return
	case wire.FieldServer:
		h.SetServerBytes(value)
		c.said.agent = append(c.said.agent[:0], value...)
		return
	}
	h.AddBytesKV(name, value)
	if id == wire.FieldSetCookie {
		c.said.cookies = appendLine(c.said.cookies, name, value)
		return
	}
	c.said.fields = appendLine(c.said.fields, name, value)
}

// joins reports fields of which an answer may have several, or a list: those of the
// handler and of the backend stand side by side.
func joins(id wire.FieldID) bool {
	return id == wire.FieldSetCookie || id == wire.FieldVary || id == wire.FieldWWWAuthenticate
}

// notePreset notes the fields that the handler has set already.
func (c *Call) notePreset(h *fasthttp.ResponseHeader) {
	c.preset = c.preset[:0]
	h.SetNoDefaultContentType(true)
	for name := range h.All() {
		c.preset = append(append(append(c.preset, '\n'), name...), '\n')
	}
}

// isPreset reports such a field by its canonical name.
func (c *Call) isPreset(name []byte) bool {
	for rest := c.preset; len(rest) > 0; {
		var one []byte
		one, rest, _ = bytes.Cut(rest[1:], []byte("\n"))
		if bytes.Equal(one, name) {
			return true
		}
	}
	return false
}

// answer is what the client gets.
func (c *Call) answer() *fasthttp.Response {
	if late := c.ctx.LastTimeoutErrorResponse(); late != nil {
		return late
	}
	return &c.ctx.Response
}

// judgeAnswer says what the handler has made of the answer.
func (c *Call) judgeAnswer() error {
	resp := c.answer()
	switch {
	case !c.answered:
		c.verdict = Answered
	case !c.contentKept(resp):
		c.verdict = Answered
		if _, tooLarge := c.out.state(); tooLarge && c.ans.Stream != nil {
			return ErrBodyTooLarge
		}
	case resp.StatusCode() == c.ans.Status && c.saidKept(&resp.Header):
		c.verdict = Passed
		return nil
	default:
		c.verdict = Changed
	}
	switch s := resp.StatusCode(); {
	case s == http.StatusSwitchingProtocols && c.verdict == Changed && c.ans.Status == s:
	case s < http.StatusOK || s > statusMax:
		return ErrStatus
	}
	if !validFields(resp.Header.All()) {
		return ErrField
	}
	return nil
}

// statusMax is the highest status there is (RFC 9110 section 15).
const statusMax = 999

// contentKept reports that the content is that of Next's answer, and unread.
func (c *Call) contentKept(resp *fasthttp.Response) bool {
	if stream := resp.BodyStream(); stream != nil || c.ans.Stream != nil {
		read, tooLarge := c.out.state()
		return stream == c.out && read == 0 && !tooLarge
	}
	return sameMemory(resp.Body(), c.ans.Body)
}

// saidKept reports that the field lines are as they were shown.
func (c *Call) saidKept(h *fasthttp.ResponseHeader) bool {
	if len(c.preset) > 0 || !bytes.Equal(h.ContentType(), c.said.media) || !bytes.Equal(h.ContentEncoding(), c.said.coding) ||
		!bytes.Equal(h.Server(), c.said.agent) || h.ConnectionClose() {
		return false
	}
	rest, cookies := c.said.fields, c.said.cookies
	for name, value := range h.All() {
		var same bool
		if rest, same = cutEqual(rest, name, value); same { // none of those below is in it
			continue
		}
		switch string(name) {
		case fasthttp.HeaderContentType, fasthttp.HeaderContentEncoding, fasthttp.HeaderServer:
			same = true
		case fasthttp.HeaderSetCookie:
			cookies, same = cutEqual(cookies, name, value)
		default:
			same = isOurs(name)
		}
		if !same {
			return false
		}
	}
	return len(rest) == 0 && len(cookies) == 0
}

// Status is that of the answer, and Reason its phrase, empty for the usual one.
func (c *Call) Status() int { return c.answer().StatusCode() }

// Reason is the phrase behind the status.
func (c *Call) Reason() []byte { return c.answer().Header.StatusMessage() }

// Close reports that the handler wants the connection to end behind the answer.
func (c *Call) Close() bool { return c.answer().ConnectionClose() }

// AppendFields appends the field lines of the answer, but for Date, framing and what is
// hop by hop.
func (c *Call) AppendFields(b []byte) []byte {
	h := &c.answer().Header
	said := h.ContentType()
	h.SetNoDefaultContentType(true)
	if len(said) > 0 && len(h.ContentType()) == 0 && c.hasContent() {
		b = appendLine(b, []byte(fasthttp.HeaderContentType), said) // the default, as a server of fasthttp has it
	}
	for name, value := range h.All() {
		if !isOurs(name) {
			b = appendLine(b, name, value)
		}
	}
	return b
}

func (c *Call) hasContent() bool {
	resp := c.answer()
	return !wire.WithoutContent(resp.StatusCode(), false) && (resp.BodyStream() != nil || len(resp.Body()) > 0)
}

// Content is what the client gets where the verdict is Answered: b, or stream with its
// length, -1 is not known. It is good until Release. A status that has no content has none
// here, whatever the handler has set, as with a server of fasthttp; whether the request was
// HEAD is not looked at.
func (c *Call) Content() (b []byte, stream io.Reader, length int64) {
	resp := c.answer()
	if wire.WithoutContent(resp.StatusCode(), false) {
		return nil, nil, 0
	}
	if stream := resp.BodyStream(); stream != nil {
		return nil, stream, int64(max(resp.Header.ContentLength(), -1))
	}
	b = resp.Body()
	return b, nil, int64(len(b))
}
