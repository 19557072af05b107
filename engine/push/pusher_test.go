package push

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/isame-lb/isame-lb/config"
)

const patience = 20 * time.Second

// receiver takes metrics by both protocols, as the service of OTLP's own definition says.
type receiver struct {
	collector.UnimplementedMetricsServiceServer

	t      *testing.T
	got    chan *collector.ExportMetricsServiceRequest
	paths  chan string
	refuse atomic.Bool
}

func (r *receiver) Export(_ context.Context, q *collector.ExportMetricsServiceRequest) (*collector.ExportMetricsServiceResponse, error) {
	r.got <- q
	return &collector.ExportMetricsServiceResponse{}, nil
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	refuses := r.refuse.Load() // the test may change it as soon as it has the path
	r.paths <- q.URL.Path
	if refuses {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	in, err := gzip.NewReader(q.Body)
	if err != nil {
		r.t.Error(err)
		return
	}
	body, err := io.ReadAll(in)
	said := &collector.ExportMetricsServiceRequest{}
	if err != nil || proto.Unmarshal(body, said) != nil || q.Header.Get("Content-Type") != "application/x-protobuf" {
		r.t.Errorf("not OTLP: %v, %d bytes", err, len(body))
	}
	answer, _ := r.Export(q.Context(), said)
	text, _ := proto.Marshal(answer)
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(text)
}

func newReceiver(t *testing.T, protocol string) (r *receiver, endpoint string) {
	t.Helper()
	r = &receiver{t: t, got: make(chan *collector.ExportMetricsServiceRequest, 1024), paths: make(chan string, 1024)}
	if protocol == "http" {
		s := httptest.NewServer(r)
		t.Cleanup(s.Close)
		return r, s.URL
	}
	s := grpc.NewServer()
	collector.RegisterMetricsServiceServer(s, r)
	ln := listen(t)
	go func() { _ = s.Serve(ln) }()
	t.Cleanup(s.Stop)
	return r, "http://" + ln.Addr().String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

// next is what came next.
func next[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case got := <-from:
		return got
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// inTwoParts is a source of two numbers.
func inTwoParts(since time.Time, _ bool, take func([]metricdata.Metrics) error) error {
	for _, name := range []string{"one", "two"} {
		point := metricdata.DataPoint[float64]{StartTime: since, Time: time.Now(), Value: 7}
		sum := metricdata.Sum[float64]{DataPoints: []metricdata.DataPoint[float64]{point}, Temporality: metricdata.CumulativeTemporality, IsMonotonic: true}
		if err := take([]metricdata.Metrics{{Name: name, Data: sum}}); err != nil {
			return err
		}
	}
	return nil
}

func settings(endpoint, protocol string, interval time.Duration) *config.MetricsPush {
	return &config.MetricsPush{Enabled: true, Endpoint: endpoint, Protocol: protocol, Interval: interval, ServiceName: "edge"}
}

func TestMetricsReachACollector(t *testing.T) {
	for _, protocol := range []string{"http", "grpc"} {
		t.Run(protocol, func(t *testing.T) {
			r, endpoint := newReceiver(t, protocol)
			before := time.Now()
			p := New("v1", "here", zerolog.New(zerolog.NewTestWriter(t)), inTwoParts)
			if err := p.Use(settings(endpoint, protocol, time.Hour)); err != nil {
				t.Fatal(err)
			}
			p.Close(t.Context())
			if pushed, failed := p.Counts(); pushed != 1 || failed != 0 {
				t.Errorf("pushed %d, failed %d; want 1 and none", pushed, failed)
			}
			for _, name := range []string{"one", "two"} {
				of := next(t, r.got).GetResourceMetrics()[0]
				about := of.GetResource().String()
				for _, want := range []string{`"edge"`, `"v1"`, `"here"`, "service.name", "service.version", "service.instance.id"} {
					if !strings.Contains(about, want) {
						t.Errorf("%s is not said of the process: %s", want, about)
					}
				}
				m := of.GetScopeMetrics()[0].GetMetrics()[0]
				if sum := m.GetSum(); m.GetName() != name || !sum.GetIsMonotonic() || sum.GetDataPoints()[0].GetAsDouble() != 7 ||
					sum.GetDataPoints()[0].GetStartTimeUnixNano() < uint64(before.UnixNano()) {
					t.Errorf("got %v; want %s", m, name)
				}
				if protocol == "http" {
					if path := next(t, r.paths); path != "/v1/metrics" {
						t.Errorf("sent to %s", path)
					}
				}
			}
		})
	}
}

// The first push comes after the interval, and then more; where it is long none comes but
// that at the end.
func TestPushesComeAtTheirInterval(t *testing.T) {
	r, endpoint := newReceiver(t, "http")
	p := New("v1", "here", zerolog.Nop(), inTwoParts)
	if err := p.Use(settings(endpoint, "http", time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := p.Use(settings(endpoint, "http", time.Millisecond)); err != nil { // the one before is given up
		t.Fatal(err)
	}
	for range 6 {
		next(t, r.got)
	}
	if err := p.Use(&config.MetricsPush{}); err != nil {
		t.Fatal(err)
	}
	p.Close(t.Context())
	if pushed, failed := p.Counts(); pushed < 2 || failed != 0 {
		t.Errorf("pushed %d, failed %d; want 2 or more, and none", pushed, failed)
	}
}

// That a collector refuses is said once, and once more when it takes them again.
func TestCollectorThatRefusesIsSaidOnce(t *testing.T) {
	r, endpoint := newReceiver(t, "http")
	r.refuse.Store(true)
	var log bytes.Buffer // written by the goroutine alone, and read when that has ended
	p := New("v1", "here", zerolog.New(&log), inTwoParts)
	if err := p.Use(settings(endpoint, "http", time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		next(t, r.paths) // of the first part: the second one is not tried
	}
	r.refuse.Store(false)
	next(t, r.got)
	p.Close(t.Context())
	text := log.String()
	if strings.Count(text, "does not take metrics") != 1 || strings.Count(text, "takes metrics again") != 1 || !strings.Contains(text, "403") {
		t.Errorf("said:\n%s", text)
	}
	if pushed, failed := p.Counts(); pushed == 0 || failed < 3 {
		t.Errorf("pushed %d, failed %d", pushed, failed)
	}
}

// One that takes connections and never answers holds up neither a change nor the end.
func TestCollectorThatHangsHoldsNobodyUp(t *testing.T) {
	ln := listen(t)
	p := New("v1", "here", zerolog.Nop(), inTwoParts)
	hanging := settings("http://"+ln.Addr().String(), "http", time.Millisecond)
	if err := p.Use(hanging); err != nil {
		t.Fatal(err)
	}
	if c, err := ln.Accept(); err != nil {
		t.Fatal(err)
	} else {
		defer func() { _ = c.Close() }()
	}
	began := time.Now()
	other := *hanging
	other.ServiceName = "other"
	if err := p.Use(&other); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	p.Close(ctx)
	if took := time.Since(began); took > patience/2 {
		t.Errorf("it took %v", took)
	}
	if pushed, failed := p.Counts(); pushed != 0 || failed != 1 { // that at the end; what a change has cut off is none
		t.Errorf("pushed %d, failed %d; want none and 1", pushed, failed)
	}
}

// What cannot be used changes nothing.
func TestChangeThatIsRefusedChangesNothing(t *testing.T) {
	r, endpoint := newReceiver(t, "http")
	p := New("v1", "here", zerolog.Nop(), inTwoParts)
	if err := p.Use(settings(endpoint, "http", time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := p.Use(settings("http://[", "http", time.Hour)); err == nil || !strings.Contains(err.Error(), "metrics.otlp") {
		t.Errorf("got %v", err)
	}
	p.Close(t.Context())
	next(t, r.got)
	if err := errors.Join(p.Use(&config.MetricsPush{}), p.Use(&config.MetricsPush{})); err != nil {
		t.Error(err)
	}
	p.Close(t.Context())
}

// Numbers that take long to collect, as they do on a machine that has too much to do, hold no shutdown up whose
// time is over.
func TestSlowNumbersHoldNobodyUp(t *testing.T) {
	_, endpoint := newReceiver(t, "http")
	collecting, free, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	p := New("test", "", zerolog.Nop(), func(time.Time, bool, func([]metricdata.Metrics) error) error {
		close(collecting) // a second call would panic: nobody wants the last numbers any more
		<-free
		close(ended)
		return errors.New("too late")
	})
	if err := p.Use(settings(endpoint, "http", time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	next(t, collecting)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	closed := make(chan struct{})
	go func() {
		p.Close(ctx)
		close(closed)
	}()
	next(t, closed)
	close(free)
	next(t, ended)
}
