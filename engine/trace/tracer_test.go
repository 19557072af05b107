package trace

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/record"
	"github.com/isame-lb/isame-lb/pool/end"
)

const patience = 20 * time.Second

// receiver takes spans by both protocols, as the service of OTLP's own definition says.
type receiver struct {
	collector.UnimplementedTraceServiceServer

	t     *testing.T
	paths chan string
	mu    sync.Mutex
	spans []*otlp.Span
	about map[string]string // of the resource
}

func (r *receiver) Export(_ context.Context, q *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, of := range q.GetResourceSpans() {
		r.about = map[string]string{}
		for _, a := range of.GetResource().GetAttributes() {
			r.about[a.GetKey()] = a.GetValue().GetStringValue()
		}
		for _, scope := range of.GetScopeSpans() {
			r.spans = append(r.spans, scope.GetSpans()...)
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	select {
	case r.paths <- q.URL.Path:
	default:
	}
	in := io.Reader(q.Body)
	if q.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			r.t.Error(err)
			return
		}
		in = unpacked
	}
	body, err := io.ReadAll(in)
	var said collector.ExportTraceServiceRequest
	if err != nil || proto.Unmarshal(body, &said) != nil || q.Header.Get("Content-Type") != "application/x-protobuf" {
		r.t.Errorf("not OTLP: %v, %d bytes", err, len(body))
	}
	answer, _ := r.Export(q.Context(), &said)
	text, _ := proto.Marshal(answer)
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(text)
}

func (r *receiver) await(n int) []*otlp.Span {
	r.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for {
		r.mu.Lock()
		got := slices.Clone(r.spans)
		r.mu.Unlock()
		if len(got) >= n {
			return got
		}
		select {
		case <-tick.C:
		case <-late:
			r.t.Fatalf("%d spans came; want %d", len(got), n)
		}
	}
}

func newReceiver(t *testing.T, protocol string) (r *receiver, endpoint string) {
	t.Helper()
	r = &receiver{t: t, paths: make(chan string, 8)}
	if protocol == "http" {
		s := httptest.NewServer(r)
		t.Cleanup(s.Close)
		return r, s.URL
	}
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	collector.RegisterTraceServiceServer(s, r)
	go func() { _ = s.Serve(ln) }()
	t.Cleanup(s.Stop)
	return r, "http://" + ln.Addr().String()
}

// example is an exchange of two attempts, of which the second one was answered.
func example(began time.Time) *Exchange {
	var p Span
	p.Begin(Sampler{}, []byte("00-"+traceID+"-"+spanID+"-03"), seeds)
	return &Exchange{
		Span: p, Path: "/a/b", Query: "token=secret&x=1", Secure: true, UserAgent: "test/1", Peer: netip.MustParseAddr("10.0.0.1"),
		Template: "/a",
		View: record.View{
			ID: "r1", Started: began, Took: 30 * time.Millisecond, Admit: time.Millisecond, Generation: 7, Listener: "web", Route: "all", Pool: "p",
			Version: record.HTTP2, Client: netip.MustParseAddr("192.0.2.1"), Method: "QUERY", Host: "a.test:8443", Path: "/a/b", Status: 503,
			Tried: 2, In: 10, Out: 20, Refusal: "budget",
			Tries: []record.TryView{
				{Place: 1, Backend: "10.0.0.2:80", Began: time.Millisecond, Connect: 2 * time.Millisecond, Answer: 2 * time.Millisecond, End: end.ConnectFailed},
				{Place: 2, Backend: "10.0.0.3:80", Began: 5 * time.Millisecond, Connect: time.Millisecond, Answer: 20 * time.Millisecond, Status: 503},
			},
		},
	}
}

func attributes(s *otlp.Span) map[string]string {
	all := map[string]string{}
	for _, a := range s.GetAttributes() {
		v := a.GetValue()
		all[a.GetKey()] = strings.Trim(strings.SplitN(v.String(), ":", 2)[1], `"`)
	}
	return all
}

func TestSpansReachACollector(t *testing.T) {
	for _, protocol := range []string{"http", "grpc"} {
		t.Run(protocol, func(t *testing.T) {
			r, endpoint := newReceiver(t, protocol)
			tracer := New("v1", "here", zerolog.New(zerolog.NewTestWriter(t)))
			if err := tracer.Use(&config.Tracing{Enabled: true, Endpoint: endpoint, Protocol: protocol, ServiceName: "edge"}); err != nil {
				t.Fatal(err)
			}
			began := time.Now().Add(-time.Second)
			tracer.Offer(example(began))
			spans := r.await(3)
			if protocol == "http" && <-r.paths != "/v1/traces" {
				t.Error("not to /v1/traces")
			}
			tracer.Close(t.Context())
			if exported, lost := tracer.Counts(); exported != 3 || lost != 0 {
				t.Errorf("exported %d, lost %d; want 3 and none", exported, lost)
			}
			if r.about["service.name"] != "edge" || r.about["service.version"] != "v1" || r.about["service.instance.id"] != "here" {
				t.Errorf("got %v", r.about)
			}
			check(t, spans, began)
		})
	}
}

func check(t *testing.T, spans []*otlp.Span, began time.Time) {
	t.Helper()
	first, second, server := spans[0], spans[1], spans[2]
	for _, s := range spans {
		if hex.EncodeToString(s.GetTraceId()) != traceID {
			t.Errorf("trace %x", s.GetTraceId())
		}
	}
	if server.GetKind() != otlp.Span_SPAN_KIND_SERVER || hex.EncodeToString(server.GetParentSpanId()) != spanID || server.GetName() != "QUERY /a" {
		t.Errorf("got %v", server)
	}
	if server.GetStartTimeUnixNano() != uint64(began.UnixNano()) || server.GetEndTimeUnixNano()-server.GetStartTimeUnixNano() != uint64(30*time.Millisecond) {
		t.Errorf("got %v", server)
	}
	e := example(began)
	for place, s := range []*otlp.Span{first, second} {
		id := e.id(1 + uint64(place))
		if s.GetKind() != otlp.Span_SPAN_KIND_CLIENT || !bytes.Equal(s.GetParentSpanId(), server.GetSpanId()) || !bytes.Equal(s.GetSpanId(), id[:]) {
			t.Errorf("attempt %d: got %v", place, s)
		}
	}
	for _, tc := range []struct {
		of   *otlp.Span
		want map[string]string
	}{
		{server, map[string]string{
			"http.request.method": "QUERY", "url.query": "token=REDACTED&x=REDACTED", "url.scheme": "https", "http.route": "/a", "server.address": "a.test",
			"server.port": "8443", "client.address": "192.0.2.1", "network.peer.address": "10.0.0.1", "http.response.status_code": "503", "error.type": "503",
			"network.protocol.version": "2", "isame.pool": "p", "isame.attempts": "2", "user_agent.original": "test/1",
		}},
		{first, map[string]string{"error.type": end.ConnectFailed.Word(), "server.address": "10.0.0.2"}},
		{second, map[string]string{"http.request.resend_count": "1", "http.response.status_code": "503", "url.full": "http://10.0.0.3:80/a/b?token=REDACTED&x=REDACTED"}},
	} {
		got := attributes(tc.of)
		maps.DeleteFunc(got, func(k, _ string) bool { return tc.want[k] == "" })
		if !maps.Equal(got, tc.want) {
			t.Errorf("%s: got %v; want %v", tc.of.GetName(), got, tc.want)
		}
	}
	events := []string{}
	for _, e := range server.GetEvents() {
		events = append(events, e.GetName())
	}
	if text := strings.Join(events, ", "); text != "retry, admitted, not retried" {
		t.Errorf("events %s", text)
	}
	if strings.Contains(server.String(), "secret") {
		t.Error("the value of a query is exported")
	}
}

// A collector that is not there costs spans, and neither time nor memory; one that comes
// back gets what comes then.
func TestCollectorThatIsNotThere(t *testing.T) {
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }() // takes connections and never answers
	var log bytes.Buffer
	tracer := New("v1", "here", zerolog.New(&log))
	c := config.Tracing{Enabled: true, Endpoint: "http://" + ln.Addr().String(), Protocol: "http", ServiceName: "edge"}
	if err := tracer.Use(&c); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for range 3 * queueMax {
		tracer.Offer(example(began))
	}
	if d := time.Since(began); d > patience/2 {
		t.Errorf("offering took %v", d)
	}
	r, endpoint := newReceiver(t, "http")
	c.Endpoint = endpoint + "/v1/traces/"
	if err := tracer.Use(&c); err != nil { // while a batch hangs
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began = time.Now()
	tracer.Close(ctx)
	if d := time.Since(began); d > patience/2 {
		t.Errorf("the end took %v; want 100 ms", d)
	}
	if exported, lost := tracer.Counts(); exported != 0 || lost == 0 || !strings.Contains(log.String(), "not everything could be exported") {
		t.Errorf("exported %d, lost %d, said %s", exported, lost, log.String())
	}
	if err := tracer.Use(&c); err != nil {
		t.Fatal(err)
	}
	tracer.Offer(example(time.Now()))
	r.await(3)
	if path := <-r.paths; path != "/v1/traces" {
		t.Errorf("got %s", path)
	}
	c.Enabled = false
	if err := tracer.Use(&c); err != nil {
		t.Fatal(err)
	}
	tracer.Offer(example(time.Now()))
	tracer.Close(t.Context())
}
