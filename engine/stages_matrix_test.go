package engine

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/config"
)

// stageRow is how a type of stage is tried on every protocol.
type stageRow struct {
	stages string // the middleware section; the routes have s, unless order says otherwise
	order  string // routes.*.middleware
	route  string // more keys of the routes
	pools  string // more pools
	// More keys of the listeners and of the pools, each with a comma in front.
	listener, pool string
	// address is that of the backend, in place of the one that tells what it sees; ahead is
	// another one, in front of it.
	address, ahead string
	cases          []stageCase
	// serve is what the backend does before it answers; true: it has answered.
	serve func(w http.ResponseWriter, q *http.Request) bool
	// begin is called before the first case, what it returns behind the last one.
	begin func(m *matrix) (end func())
	// check looks at what the effects of a case do not tell.
	check func(t *testing.T, w *way, c *stageCase, got *told)
}

// stageCase is one request. Every way of asking sends it; {way} in a field or a target is
// the name of that, for what must not be shared with the others.
type stageCase struct {
	name   string
	target string   // empty: /
	method string   // empty: GET, or POST with a content
	fields []string // lines
	before int      // so many of the same were sent before, and passed
	want   effect
	but    map[string]effect // of a way or a kind of ways
	kinds  []string          // likewise in which it is sent; empty: all
}

// effect is what must be seen of a request.
type effect struct {
	status int      // 0: the backend has answered, with 200, 101, or the status 0 of gRPC
	cause  string   // of a refusal
	broken bool     // there is no answer at all
	seen   []string // in the request, by the backend, which begins with its method, target and host
	unseen []string
	fields []string // lines of the answer; "-Name" is one that must not be there
	body   string   // in the content
}

// Kinds of ways.
const (
	plainWay   = "plain"
	upgradeWay = "upgrade"
	callWay    = "call"
)

// matrix is a proxy with the stages of a row, and clients of every protocol.
type matrix struct {
	t         *testing.T
	web, quic *rig
	way       string
}

func startMatrix(t *testing.T, row *stageRow, p *pair) *matrix {
	t.Helper()
	order := row.order
	if order == "" {
		order = "[s]"
	}
	keys := indent("middleware: "+order+"\n"+row.route, 4)
	address := row.address
	if address == "" {
		address = seeingBackend(t, row.serve)
	}
	backends := `backends: [{address: "{{backend}}"}]`
	if row.ahead != "" {
		backends = `backends: [{address: "` + row.ahead + `"}, {address: "{{backend}}"}]`
	}
	r := start(t, `
listeners:
  quic: {address: "127.0.0.1:0", http3: true`+row.listener+fmt.Sprintf(", tls: {certificates: [{cert_file: %q, key_file: %q}]}}", p.certFile, p.keyFile)+`
  web: {address: "127.0.0.1:0", h2c: true`+row.listener+`}
routes:
  all:
    pool: p
`+keys+`  calls:
    pool: g
    headers: {Content-Type: application/grpc+proto}
`+keys+`pools:
  p: {`+backends+row.pool+`}
  g: {protocol: h2c, `+backends+row.pool+`}
`+indent(row.pools, 2)+`middleware:
`+indent(row.stages, 2)+`shutdown: {drain: 5s}
`, address)
	return &matrix{t: t, web: r.at("web"), quic: r.at("quic")}
}

// grpcOf is the status of gRPC that stands for one of HTTP, as its own document
// http-grpc-status-mapping says; a content that is too large is the exhaustion of a
// resource.
func grpcOf(status int) string {
	code, known := map[int]int{400: 13, 401: 16, 403: 7, 404: 12, 413: 8, 429: 14, 500: 13, 502: 14, 503: 14, 504: 4}[status]
	if !known {
		code = 2
	}
	return strconv.Itoa(code)
}

// of is what must be seen that way.
func (c *stageCase) of(w *way) *effect {
	for _, key := range []string{w.name, w.kind} {
		if e, ok := c.but[key]; ok {
			return &e
		}
	}
	return &c.want
}

func (e *effect) check(t *testing.T, w *way, got *told) {
	t.Helper()
	if e.broken {
		if got.err == nil {
			t.Errorf("got %d %v; want no answer", got.status, got.fields)
		}
		return
	}
	if got.err != nil {
		t.Fatalf("no whole answer: %d %v: %v", got.status, got.fields, got.err)
	}
	e.checkStatus(t, w, got)
	if got.fields.Get("X-Isame-Error") != e.cause {
		t.Errorf("the cause: got %q; want %q", got.fields.Get("X-Isame-Error"), e.cause)
	}
	for _, line := range e.fields {
		name, value, set := strings.Cut(strings.TrimPrefix(line, "-"), ": ")
		if all := got.fields.Values(name); !set && len(all) > 0 || set && !slices.Contains(all, value) {
			t.Errorf("the answer has %q in %v; want %q", all, got.fields, line)
		}
	}
	for _, text := range e.seen {
		if !strings.Contains(got.body, text) {
			t.Errorf("the backend saw\n%s; want %q", got.body, text)
		}
	}
	for _, text := range e.unseen {
		if strings.Contains(got.body, text) {
			t.Errorf("the backend saw\n%s; want no %q", got.body, text)
		}
	}
	if !strings.Contains(got.body, e.body) && w.kind != callWay {
		t.Errorf("got %q; want %q", got.body, e.body)
	}
}

// checkStatus looks at how the answer was meant.
func (e *effect) checkStatus(t *testing.T, w *way, got *told) {
	t.Helper()
	status := e.status
	switch {
	case w.kind == callWay:
		grpc, want := got.trailers.Get("Grpc-Status"), "0"
		if e.status != 0 { // all of it stands in the head
			grpc, want = got.fields.Get("Grpc-Status"), grpcOf(e.status)
			if got.body != "" || got.fields.Get("Content-Type") != "application/grpc" || got.fields.Get("Grpc-Message") == "" {
				t.Errorf("got %v %q; want a refusal without content", got.fields, got.body)
			}
		}
		if grpc != want {
			t.Errorf("grpc-status: got %q; want %q", grpc, want)
		}
		status = http.StatusOK
	case status != 0:
	case w.name == "http/1.1 websocket":
		status = http.StatusSwitchingProtocols
	default:
		status = http.StatusOK
	}
	if got.status != status {
		t.Errorf("got %d %v; want %d", got.status, got.fields, status)
	}
}

// try sends a case in one way.
func (m *matrix) try(t *testing.T, row *stageRow, w *way, c *stageCase) {
	t.Helper()
	was := m.t
	defer func() { m.t, m.web.t, m.quic.t = was, was, was }()
	m.t, m.web.t, m.quic.t = t, t, t
	m.way = w.key()
	for range c.before {
		if got := w.ask(m, c); got.err != nil || got.status/100 != 2 && got.status != http.StatusSwitchingProtocols || got.fields.Get("X-Isame-Error") != "" {
			t.Fatalf("before: got %d %v, %v; want it to pass", got.status, got.fields, got.err)
		}
	}
	got := w.ask(m, c)
	c.of(w).check(t, w, &got)
	if row.check != nil {
		row.check(t, w, c, &got)
	}
}

// run sends each case in each way.
func (row *stageRow) run(t *testing.T, p *pair) {
	t.Helper()
	m := startMatrix(t, row, p)
	end := func() {}
	if row.begin != nil {
		end = row.begin(m)
	}
	for _, c := range row.cases {
		for _, w := range ways() {
			if len(c.kinds) == 0 || slices.Contains(c.kinds, w.kind) || slices.Contains(c.kinds, w.name) {
				t.Run(c.name+"/"+w.name, func(t *testing.T) { m.try(t, row, &w, &c) })
			}
		}
	}
	end()
	eventually(t, func() string { return "no tunnel, nothing in flight" }, m.isIdle)
}

func TestEveryTypeOfStageOnEveryProtocol(t *testing.T) {
	p := newPair(t, tomorrow(), "a.test")
	rows := stageRows()
	for _, typ := range config.StageTypes() {
		if !works(t, typ) {
			continue
		}
		t.Run(typ, func(t *testing.T) {
			rowOf, known := rows[typ]
			if !known {
				t.Fatalf("stageRows has no row for stages of type %s: give it one", typ)
			}
			rowOf(t).run(t, p)
		})
	}
	for typ := range rows {
		if config.StageType(typ) == nil {
			t.Errorf("stageRows has a row for %q, which is no type of stage", typ)
		}
	}
}

func (m *matrix) isIdle() bool { return m.web.tunnels() == 0 && m.inFlight() == 0 }

func (m *matrix) inFlight() (n int64) {
	for _, p := range m.web.engine.Pools() {
		n += p.InFlight
	}
	return n
}

// works reports that stages of the type are not refused as not supported yet.
func works(t *testing.T, typ string) bool {
	t.Helper()
	text := "listeners: {web: {address: \"127.0.0.1:0\"}}\nmiddleware: {s: {type: " + typ + "}}\n"
	_, err := config.Load(config.Options{File: "test.yaml", Data: []byte(text)})
	return err == nil || !strings.Contains(err.Error(), "not supported yet: "+typ+" stages")
}
