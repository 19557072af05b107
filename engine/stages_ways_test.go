package engine

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// way is how a client asks.
type way struct {
	name, kind string
	ask        func(m *matrix, c *stageCase) told
}

// key is the name as one word.
func (w *way) key() string { return strings.NewReplacer("/", "", ".", "", " ", "-").Replace(w.name) }

func ways() []way {
	return []way{
		{"http/1.1 GET", plainWay, func(m *matrix, c *stageCase) told { return m.plain(m.web.h1Client(), "http", c, nil) }},
		{"http/1.1 POST", plainWay, func(m *matrix, c *stageCase) told { return m.plain(m.web.h1Client(), "http", c, contentOf()) }},
		{"http/1.1 POST chunked", plainWay, func(m *matrix, c *stageCase) told {
			return m.plain(m.web.h1Client(), "http", c, struct{ io.Reader }{contentOf()})
		}},
		{"http/2 GET", plainWay, func(m *matrix, c *stageCase) told { return m.plain(m.web.h2Client(), "http", c, nil) }},
		{"http/2 POST", plainWay, func(m *matrix, c *stageCase) told { return m.plain(m.web.h2Client(), "http", c, contentOf()) }},
		{"http/3 GET", plainWay, func(m *matrix, c *stageCase) told { return m.third(c, nil) }},
		{"http/3 POST", plainWay, func(m *matrix, c *stageCase) told { return m.third(c, contentOf()) }},
		{"http/1.1 websocket", upgradeWay, (*matrix).upgrade},
		{"http/2 websocket", upgradeWay, (*matrix).connect},
		{"grpc", callWay, (*matrix).call},
	}
}

const contentSent = "the content of a request"

func contentOf() io.Reader { return strings.NewReader(contentSent) }

// told is what came of a request.
type told struct {
	status   int
	fields   http.Header
	trailers http.Header
	body     string // of an upgrade the first message
	err      error
}

// lines are the field lines of the case, for this way of asking.
func (m *matrix) lines(c *stageCase) (all [][2]string) {
	for _, line := range c.fields {
		name, value, _ := strings.Cut(m.own(line), ": ")
		all = append(all, [2]string{name, value})
	}
	return all
}

func (m *matrix) own(text string) string { return strings.ReplaceAll(text, "{way}", m.way) }

func (m *matrix) target(c *stageCase) string {
	if c.target == "" {
		return "/"
	}
	return m.own(c.target)
}

// plain asks with a client of the standard library.
func (m *matrix) plain(client *http.Client, scheme string, c *stageCase, body io.Reader) told {
	method := c.method
	switch {
	case method != "":
	case body != nil:
		method = http.MethodPost
	default:
		method = http.MethodGet
	}
	return m.do(client, method, scheme+"://a.test"+m.target(c), body, c)
}

func (m *matrix) do(client *http.Client, method, url string, body io.Reader, c *stageCase) told {
	q, err := http.NewRequestWithContext(m.t.Context(), method, url, body)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, line := range m.lines(c) {
		if line[0] == "Host" {
			q.Host = line[1]
			continue
		}
		q.Header.Add(line[0], line[1])
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	defer client.CloseIdleConnections()
	if tr, ok := client.Transport.(*http.Transport); ok {
		tr.DisableCompression = true
	}
	resp, err := client.Do(q)
	if err != nil {
		return told{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	content, err := io.ReadAll(resp.Body)
	return told{resp.StatusCode, resp.Header, resp.Trailer, string(content), err}
}

func (m *matrix) third(c *stageCase, body io.Reader) told {
	client, transport := m.quic.h3Client()
	transport.DisableCompression = true
	defer func() { _ = transport.Close() }()
	return m.plain(client, "https", c, body)
}

// call makes a call of gRPC with an empty message.
func (m *matrix) call(c *stageCase) told {
	call := *c
	call.fields = append(slices.Clone(c.fields), "Content-Type: application/grpc+proto", "Te: trailers")
	return m.do(m.web.h2Client(), http.MethodPost, "http://a.test"+m.target(c), strings.NewReader("\x00\x00\x00\x00\x00"), &call)
}

// upgrade asks for a WebSocket over HTTP/1.1.
func (m *matrix) upgrade(c *stageCase) told {
	client := m.web.dial()
	defer func() { _ = client.Close() }()
	var b strings.Builder
	host := "a.test"
	for _, line := range m.lines(c) {
		if line[0] == "Host" {
			host = line[1]
			continue
		}
		b.WriteString(line[0] + ": " + line[1] + "\r\n")
	}
	client.send(strings.Replace(strings.Replace(upgradeRequest, "/chat", m.target(c), 1), "Host: t\r\n", "Host: "+host+"\r\n"+b.String(), 1))
	resp, err := http.ReadResponse(client.r, nil)
	if err != nil {
		return told{err: err}
	}
	got := told{status: resp.StatusCode, fields: resp.Header}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		content, err := io.ReadAll(resp.Body)
		got.body, got.err = string(content), err
		return got
	}
	if got.body, got.err = message(client.r); got.err == nil {
		client.send("more")
		_, got.err = io.ReadFull(client.r, make([]byte, len("more")))
	}
	return got
}

// message reads what switchSeeing says first.
func message(r *bufio.Reader) (string, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", err
	}
	text := make([]byte, binary.BigEndian.Uint16(head[2:]))
	_, err := io.ReadFull(r, text)
	return string(text), err
}

// connect asks for a WebSocket over HTTP/2.
func (m *matrix) connect(c *stageCase) told {
	client := m.web.h2()
	defer func() { _ = client.Close() }()
	client.inTime(20 * time.Second)
	fields, host := connectTo(m.target(c)), "a.test"
	for _, line := range m.lines(c) {
		if line[0] == "Host" {
			host = line[1]
			continue
		}
		fields = append(fields, strings.ToLower(line[0]), line[1])
	}
	fields[slices.Index(fields, ":authority")+1] = host
	id := client.open(false, fields...)
	st := client.streams[id]
	client.until(func() bool { return st.status != 0 || st.reset })
	if st.status == http.StatusOK && !st.whole {
		head := client.hears(id, 4)
		text := client.hears(id, int(binary.BigEndian.Uint16([]byte(head[2:]))))
		client.data(id, false, "more")
		client.hears(id, len("more"))
		return told{status: st.status, fields: headerOf(st), body: text}
	}
	client.answer(id)
	got := told{status: st.status, fields: headerOf(st), body: string(st.body)}
	if !st.whole {
		got.err = fmt.Errorf("reset %v", st.code) //nolint:err113 // for people
	}
	return got
}

func headerOf(st *h2stream) http.Header {
	h := http.Header{}
	for _, f := range st.fields {
		h.Add(f.Name, f.Value)
	}
	return h
}

// seeingBackend tells what it has seen: as the content of its answer, as the first message
// of a WebSocket, or of a call.
func seeingBackend(t *testing.T, first func(w http.ResponseWriter, q *http.Request) bool) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{ReadHeaderTimeout: 10 * time.Second, Protocols: new(http.Protocols)}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("X-Backend", "yes")
		if first != nil && first(w, q) {
			return
		}
		switch {
		case q.Header.Get("Upgrade") != "":
			switchSeeing(w, q)
		case strings.HasPrefix(q.Header.Get("Content-Type"), "application/grpc"):
			w.Header().Set("Content-Type", "application/grpc")
			text := textOf(q)
			_, _ = io.WriteString(w, string(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(text))))+text)
			w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
		default:
			_, _ = io.WriteString(w, textOf(q))
		}
	})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Serve(ln)
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-ended
	})
	return ln.Addr().String()
}

// textOf is a request as a backend has seen it, read whole.
func textOf(q *http.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\n", q.Method, q.RequestURI, q.Host)
	for _, coding := range q.TransferEncoding {
		b.WriteString("Transfer-Encoding: " + coding + "\r\n")
	}
	_ = q.Header.Write(&b)
	b.WriteString("\n")
	_, _ = io.Copy(&b, q.Body)
	return b.String()
}

// switchSeeing agrees to a WebSocket, says in a message what it has seen, and then what it
// is told.
func switchSeeing(w http.ResponseWriter, q *http.Request) {
	c, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer func() { _ = c.Close() }()
	fields := w.Header()
	fields.Set("Upgrade", "websocket")
	fields.Set("Connection", "Upgrade")
	fields.Set("Sec-WebSocket-Accept", accepted(q.Header.Get("Sec-WebSocket-Key")))
	_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\n")
	_ = fields.Write(c)
	text := textOf(q)
	_, _ = io.WriteString(c, "\r\n"+string(binary.BigEndian.AppendUint16([]byte{0x81, 126}, uint16(len(text))))+text)
	_, _ = io.Copy(c, rw)
}
