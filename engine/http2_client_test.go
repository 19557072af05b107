package engine

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// h2conn is a raw client of HTTP/2: a test writes any frame, and reads what comes one
// frame after the other. What it reads it checks by rules of its own. Unless it is
// deaf it gives windows back as clients do.
type h2conn struct {
	net.Conn

	t     testing.TB
	fr    *http2.Framer
	enc   *hpack.Encoder
	dec   *hpack.Decoder
	block bytes.Buffer // of the encoder

	last    uint32 // stream that was opened last
	streams map[uint32]*h2stream
	own     *h2stream // the session as a stream: its windows
	initial uint32    // window of a new stream, as the server says
	ours    uint32    // and as we say
	deaf    bool
	mute    bool   // and acknowledges nothing
	half    []byte // a header block that has begun
	frames  map[http2.FrameType]int
	pongs   int
	code    http2.ErrCode // of the last GOAWAY
	cause   string
	lastID  uint32 // likewise
	gone    bool   // GOAWAY has come
	ended   error  // nothing comes any more
}

// h2stream is what the server has said on one stream.
type h2stream struct {
	id       uint32
	interims []string // status and fields
	status   int
	fields   []hpack.HeaderField
	body     []byte
	trailers []hpack.HeaderField
	whole    bool // END_STREAM has come
	reset    bool
	code     http2.ErrCode

	may  int64 // bytes that the server takes
	left int64 // bytes that it may send
	owed int64 // of those that have come, not given back
}

const h2window = 65535

// h2 opens a session in clear text.
func (r *rig) h2(settings ...http2.Setting) *h2conn {
	r.t.Helper()
	return newH2conn(r.t, r.dial().Conn, settings...)
}

// h2TLS opens one over TLS.
func (r *rig) h2TLS() *h2conn {
	r.t.Helper()
	c, conn := r.mustDialTLS(&tls.Config{ServerName: "a.test", NextProtos: []string{"h2"}})
	if got := conn.ConnectionState().NegotiatedProtocol; got != "h2" {
		r.t.Fatalf("ALPN: got %q; want h2", got)
	}
	return newH2conn(r.t, c.Conn)
}

func newH2conn(t testing.TB, nc net.Conn, settings ...http2.Setting) *h2conn {
	t.Helper()
	c := silentH2conn(t, nc)
	c.raw(http2.ClientPreface)
	c.settings(settings...)
	return c
}

// silentH2conn has not said anything yet.
func silentH2conn(t testing.TB, nc net.Conn) *h2conn {
	t.Helper()
	c := &h2conn{
		Conn: nc, t: t, fr: http2.NewFramer(nc, nc), dec: hpack.NewDecoder(4096, nil), streams: map[uint32]*h2stream{},
		own: &h2stream{may: h2window, left: h2window}, initial: h2window, ours: h2window, frames: map[http2.FrameType]int{},
	}
	c.fr.AllowIllegalWrites = true
	c.enc = hpack.NewEncoder(&c.block)
	return c
}

// raw writes bytes. A server that has closed is noticed by who reads.
func (c *h2conn) raw(text string) bool {
	_, err := io.WriteString(c.Conn, text)
	return err == nil
}

func (c *h2conn) settings(settings ...http2.Setting) {
	for _, s := range settings {
		if s.ID == http2.SettingInitialWindowSize {
			for _, st := range c.streams {
				st.left += int64(s.Val) - int64(c.ours)
			}
			c.ours = s.Val
		}
	}
	_ = c.fr.WriteSettings(settings...)
}

// fields are names and values, one after the other.
func (c *h2conn) encode(fields ...string) []byte {
	c.block.Reset()
	for i := 0; i+1 < len(fields); i += 2 {
		_ = c.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}) // a buffer takes all
	}
	return slices.Clone(c.block.Bytes())
}

// open sends a header block on the next stream.
func (c *h2conn) open(end bool, fields ...string) (id uint32) {
	id = c.next()
	c.headers(id, end, fields...)
	return id
}

// next is the next stream, which the caller opens.
func (c *h2conn) next() uint32 {
	c.last += 2
	if c.last == 2 {
		c.last = 1
	}
	c.streams[c.last] = &h2stream{id: c.last, may: int64(c.initial), left: int64(c.ours)}
	return c.last
}

func (c *h2conn) headers(id uint32, end bool, fields ...string) {
	_ = c.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.encode(fields...), EndStream: end, EndHeaders: true})
}

// to is the fields of a request, and more.
func to(method, path string, more ...string) []string {
	return append([]string{":method", method, ":scheme", "http", ":authority", "t", ":path", path}, more...)
}

// data sends one frame, whatever the windows say.
func (c *h2conn) data(id uint32, end bool, content string) bool {
	if st := c.streams[id]; st != nil {
		st.may -= int64(len(content))
	}
	c.own.may -= int64(len(content))
	return c.fr.WriteData(id, end, []byte(content)) == nil
}

// upload sends content as the windows allow; false: the stream or the session ended.
func (c *h2conn) upload(id uint32, end bool, content string) bool {
	st := c.streams[id]
	for content != "" {
		n := min(int64(len(content)), st.may, c.own.may, 16<<10)
		if n <= 0 {
			if st.reset || !c.step() {
				return false
			}
			continue
		}
		if !c.data(id, end && n == int64(len(content)), content[:n]) {
			return false
		}
		content = content[n:]
	}
	return true
}

// step reads one frame; false: nothing comes any more.
func (c *h2conn) step() bool {
	if c.ended != nil {
		return false
	}
	f, err := c.fr.ReadFrame()
	if err != nil {
		c.ended = err
		var fault http2.ConnectionError
		if errors.As(err, &fault) || errors.Is(err, http2.ErrFrameTooLarge) {
			c.t.Errorf("the server breaks the rules: %v", err)
		}
		return false
	}
	c.frames[f.Header().Type]++
	switch f := f.(type) {
	case *http2.SettingsFrame:
		c.took(f)
	case *http2.PingFrame:
		if f.IsAck() {
			c.pongs++
		} else if !c.mute {
			_ = c.fr.WritePing(true, f.Data)
		}
	case *http2.GoAwayFrame:
		c.gone, c.code, c.lastID, c.cause = true, f.ErrCode, f.LastStreamID, string(f.DebugData())
	case *http2.WindowUpdateFrame:
		if st := c.windowOf(f.StreamID); st != nil {
			st.may += int64(f.Increment)
		}
	case *http2.RSTStreamFrame:
		if st := c.streams[f.StreamID]; st != nil {
			st.reset, st.code = true, f.ErrCode
		} else {
			c.t.Errorf("the server resets stream %d, which is idle", f.StreamID)
		}
	case *http2.DataFrame:
		c.tookData(f)
	case *http2.HeadersFrame:
		c.half = append([]byte{}, f.HeaderBlockFragment()...)
		if f.HeadersEnded() {
			c.tookBlock(f.StreamID)
		}
		if st := c.streams[f.StreamID]; st != nil && f.StreamEnded() {
			st.whole = true
		}
	case *http2.ContinuationFrame:
		c.half = append(c.half, f.HeaderBlockFragment()...)
		if f.HeadersEnded() {
			c.tookBlock(f.StreamID)
		}
	default:
		c.t.Errorf("the server sends %v", f)
	}
	return true
}

func (c *h2conn) windowOf(id uint32) *h2stream {
	if id == 0 {
		return c.own
	}
	return c.streams[id]
}

func (c *h2conn) took(f *http2.SettingsFrame) {
	if f.IsAck() {
		return
	}
	if v, ok := f.Value(http2.SettingInitialWindowSize); ok {
		for _, st := range c.streams {
			st.may += int64(v) - int64(c.initial)
		}
		c.initial = v
	}
	if !c.mute {
		_ = c.fr.WriteSettingsAck()
	}
}

func (c *h2conn) tookData(f *http2.DataFrame) {
	st := c.streams[f.StreamID]
	if st == nil || st.status == 0 || st.whole || st.reset {
		c.t.Errorf("the server sends DATA on stream %d, which is not open", f.StreamID)
		return
	}
	n := int64(f.Length)
	c.own.left -= n
	st.left -= n
	if c.own.left < 0 || st.left < 0 {
		c.t.Errorf("the server exceeds a window: %d and %d are left", c.own.left, st.left)
	}
	st.body = append(st.body, f.Data()...)
	st.whole = f.StreamEnded()
	c.own.owed += n
	st.owed += n
	if c.deaf {
		return
	}
	if c.own.owed >= h2window/4 {
		c.give(c.own, c.own.owed)
		c.own.owed = 0
	}
	if st.owed >= h2window/4 && !st.whole {
		c.give(st, st.owed)
		st.owed = 0
	}
}

// give opens a window of the server: that of st.
func (c *h2conn) give(st *h2stream, n int64) {
	st.left += n
	_ = c.fr.WriteWindowUpdate(st.id, uint32(n))
}

func (c *h2conn) tookBlock(id uint32) {
	fields, err := c.dec.DecodeFull(c.half)
	st := c.streams[id]
	if err != nil || st == nil || st.whole || st.reset {
		c.t.Errorf("a header block on stream %d: %v, %v", id, fields, err)
		return
	}
	for i, f := range fields {
		bad := f.Name != strings.ToLower(f.Name) || f.Name == "connection" || f.Name == "transfer-encoding" || f.Name == "keep-alive" ||
			f.Name == "upgrade" || strings.ContainsAny(f.Value, "\r\n\x00")
		if bad || strings.HasPrefix(f.Name, ":") != (i == 0 && st.status == 0) {
			c.t.Errorf("the server sends the field %q", f)
		}
	}
	if st.status != 0 {
		st.trailers = fields
		return
	}
	status, err := strconv.Atoi(fields[0].Value)
	if err != nil || fields[0].Name != ":status" {
		c.t.Errorf("the answer begins with %v", fields[0])
	}
	if status < 200 {
		st.interims = append(st.interims, fmt.Sprint(status, fields[1:]))
		return
	}
	st.status, st.fields = status, fields[1:]
}

// header is the value of the first field of that name.
func (st *h2stream) header(name string) string {
	for _, f := range st.fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// listed are fields as one text.
func listed(fields []hpack.HeaderField) string {
	all := make([]string, 0, len(fields))
	for _, f := range fields {
		if f.Name != "date" { // of the moment
			all = append(all, f.Name+"="+f.Value)
		}
	}
	return fmt.Sprint(all)
}

// until reads until ok holds; false: the session ended before.
func (c *h2conn) until(ok func() bool) bool {
	for !ok() {
		if !c.step() {
			return ok()
		}
	}
	return true
}

// answer reads the whole answer of a stream, or its end.
func (c *h2conn) answer(id uint32) *h2stream {
	st := c.streams[id]
	c.until(func() bool { return st.whole || st.reset })
	return st
}

// outcome says in one line what came of a stream: status with body or cause, the code
// of its reset, or how the session ended.
func (c *h2conn) outcome(id uint32) string {
	st := c.answer(id)
	text := ""
	switch {
	case st.status != 0 && st.header("x-isame-error") != "":
		text = fmt.Sprintf("%d %s", st.status, st.header("x-isame-error"))
	case st.status != 0:
		text = strings.TrimSpace(fmt.Sprintf("%d %.80s", st.status, st.body))
	}
	switch {
	case st.whole:
		return text
	case st.reset:
		return strings.TrimSpace(text + " reset " + st.code.String())
	}
	return strings.TrimSpace(text + " " + c.ending())
}

// ask makes one exchange without a body.
func (c *h2conn) ask(fields ...string) string {
	return c.outcome(c.open(true, fields...))
}

// ending reads to the end of the session and says how it ended.
func (c *h2conn) ending() string {
	for c.step() {
	}
	switch {
	case c.gone:
		return "goaway " + c.code.String()
	case errors.Is(c.ended, io.EOF), errors.Is(c.ended, io.ErrUnexpectedEOF):
		return "end"
	case errors.Is(c.ended, syscall.ECONNRESET):
		return "broken"
	}
	return c.ended.Error()
}

// settle makes sure that the server has dealt with everything that was sent.
func (c *h2conn) settle() bool {
	n := c.pongs
	_ = c.fr.WritePing(false, [8]byte{1})
	return c.until(func() bool { return c.pongs > n })
}

// h2ErrorCount is the metric of one code.
func (r *rig) h2Errors(t testing.TB, code http2.ErrCode) int {
	t.Helper()
	var text bytes.Buffer
	r.engine.registry.WriteMetrics(&text, "")
	name := fmt.Sprintf("isame_http2_errors_total{listener=\"web\",code=%q} ", code.String())
	_, rest, found := strings.Cut(text.String(), name)
	if !found {
		return 0
	}
	value, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.Atoi(value)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// inTime fails the test when the session says nothing for so long.
func (c *h2conn) inTime(d time.Duration) {
	_ = c.SetReadDeadline(time.Now().Add(d))
}
