package observe

import (
	"bytes"
	"crypto/tls"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/isame-lb/isame-lb/engine/observe/custom"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/end"
)

// scrape renders the registry and reads it with Prometheus' own parser.
func scrape(t *testing.T, r *Registry) (string, map[string]*dto.MetricFamily) {
	t.Helper()
	var page bytes.Buffer
	r.WriteMetrics(&page, "")
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(page.String()))
	if err != nil {
		t.Fatalf("cannot parse the page: %v\n%s", err, page.String())
	}
	return page.String(), families
}

// samples writes the samples of a family as "label=value ... : number".
func samples(family *dto.MetricFamily) map[string]float64 {
	out := map[string]float64{}
	for _, metric := range family.GetMetric() {
		labels := make([]string, 0, len(metric.GetLabel()))
		for _, label := range metric.GetLabel() {
			labels = append(labels, label.GetName()+"="+label.GetValue())
		}
		slices.Sort(labels)
		switch family.GetType() {
		case dto.MetricType_COUNTER:
			out[strings.Join(labels, " ")] = metric.GetCounter().GetValue()
		case dto.MetricType_GAUGE:
			out[strings.Join(labels, " ")] = metric.GetGauge().GetValue()
		case dto.MetricType_HISTOGRAM:
			out[strings.Join(labels, " ")] = float64(metric.GetHistogram().GetSampleCount())
		case dto.MetricType_SUMMARY:
			out[strings.Join(labels, " ")] = metric.GetSummary().GetSampleSum()
		default:
			out[strings.Join(labels, " ")] = -1
		}
	}
	return out
}

func busyRegistry() *Registry {
	r := NewRegistry(2)
	r.Route("web", "api").Observe(0, 200, 3*time.Millisecond)
	r.Route("web", "api").Observe(1, 200, 3*time.Millisecond)
	r.Route("web", "api").Observe(1, 503, time.Second)
	r.Route("admin", "api").Observe(0, 404, time.Minute)
	r.Route("web", "").Observe(0, 400, 0)
	r.Backend("p", "10.0.0.1:80").Codes.Add(0, 200)
	r.Backend("p", "10.0.0.1:80").Codes.Add(0, 0)
	r.Pool("p").Durations.Observe(0, time.Millisecond)
	r.Retries("api", "connect_failure").Add(1)
	r.RateLimited("limit").Add(0, 2)
	r.Middleware("limit").Add(0, MiddlewarePassed)
	r.Middleware("limit").Add(1, MiddlewareAnswered)
	r.SetConnections(func() []Connections { return []Connections{{Listener: "web", Active: 3, Idle: 4}} })
	r.Listener("web").BytesIn.Add(0, 5)
	r.Listener("web").BytesOut.Add(0, 6)
	r.Backend("p", "10.0.0.1:80").Failed(1, end.ConnectRefused)
	r.Backend("p", "10.0.0.1:80").Connect.Add(1, int64(2500*time.Millisecond))
	r.Methods.Add(0, 2, []byte("GET"))
	r.Methods.Add(1, 1, []byte("BREW"))
	r.Phases.Add(0, PhaseQueue, int64(time.Second))
	r.Listener("web").Accepted.Add(0, 4)
	r.Listener("web").Handshakes.Add(0, &tls.ConnectionState{Version: tls.VersionTLS13, CurveID: tls.X25519MLKEM768})
	r.Listener("web").Handshakes.Add(0, &tls.ConnectionState{Version: tls.VersionTLS12})
	r.Listener("web").Handshakes.Add(0, &tls.ConnectionState{Version: tls.VersionTLS11, CurveID: 7})
	r.Build = BuildFacts{"v", "c", "g"}
	hedge, retry := r.Hedges("new", "won"), r.Retries("new", "reset")
	hedge.Expect(true)
	r.SetRoutes(func() []Existing {
		return []Existing{{Name: "api"}, {Name: "new", Retries: []*RetryStats{retry}, Hedges: []*RetryStats{hedge}}}
	})
	r.Series("all", nil)
	tiers := r.Series("tiers", []string{"tier"})
	for _, tier := range []string{"gold", "gold", "silver"} {
		tiers.Add(0, custom.EndValue(append(custom.BeginValue(nil), tier...), 0), 1)
	}
	r.SetGeneration(7)
	r.SetDrift(func() bool { return true })
	r.CountReload(ReloadRejected)
	r.SetPools(func() []pool.Status {
		return []pool.Status{{Name: "p", Backends: []pool.BackendStatus{
			{Address: "10.0.0.1:80", Up: true, InFlight: 8, Breaker: "closed"},
			{Address: "unix:/b.sock", Breaker: "open", Trips: 3},
			{Address: "c:1", Breaker: "half-open"},
		}}}
	})
	r.SetSpans(func() (exported, lost uint64) { return 7, 2 })
	r.SetPushes(func() (pushed, failed uint64) { return 3, 1 })
	r.SetHeadroom(func() Headroom {
		return Headroom{Known: true, Times: 1.5, Limits: map[string]float64{"processors": 2.5, "memory": 1.5}}
	})
	return r
}

func TestMetricsAreAsDocumented(t *testing.T) {
	_, families := scrape(t, busyRegistry())
	for _, c := range []struct {
		name string
		kind dto.MetricType
		// counted leaves the series out that are there from the start and have counted nothing.
		counted bool
		want    map[string]float64
	}{
		{"isame_requests_total", dto.MetricType_COUNTER, false, map[string]float64{
			"code=200 listener=web route=api": 2, "code=503 listener=web route=api": 1,
			"code=404 listener=admin route=api": 1, "code=400 listener=web route=": 1,
		}},
		{"isame_responses_total", dto.MetricType_COUNTER, false, map[string]float64{
			"class=none route=": 0, "class=1xx route=": 0, "class=2xx route=": 0, "class=3xx route=": 0, "class=4xx route=": 1, "class=5xx route=": 0,
			"class=none route=api": 0, "class=1xx route=api": 0, "class=2xx route=api": 2, "class=3xx route=api": 0, "class=4xx route=api": 1, "class=5xx route=api": 1,
			"class=none route=new": 0, "class=1xx route=new": 0, "class=2xx route=new": 0, "class=3xx route=new": 0, "class=4xx route=new": 0, "class=5xx route=new": 0,
		}},
		{"isame_backend_responses_total", dto.MetricType_COUNTER, true, map[string]float64{
			"backend=10.0.0.1:80 class=2xx pool=p": 1, "backend=10.0.0.1:80 class=none pool=p": 1,
		}},
		{"isame_backend_errors_total", dto.MetricType_COUNTER, true, map[string]float64{"backend=10.0.0.1:80 cause=connect_refused pool=p": 1}},
		{"isame_backend_connect_seconds", dto.MetricType_SUMMARY, false, map[string]float64{"backend=10.0.0.1:80 pool=p": 2.5}},
		{"isame_backend_first_byte_seconds", dto.MetricType_SUMMARY, false, map[string]float64{"backend=10.0.0.1:80 pool=p": 0}},
		{"isame_request_methods_total", dto.MetricType_COUNTER, true, map[string]float64{
			"method=GET protocol=HTTP/2": 1, "method=other protocol=HTTP/1.1": 1,
		}},
		{"isame_phase_duration_seconds", dto.MetricType_HISTOGRAM, true, map[string]float64{"phase=queue": 1}},
		{"isame_tls_handshakes_total", dto.MetricType_COUNTER, true, map[string]float64{
			"group=X25519MLKEM768 listener=web version=1.3": 1, "group=none listener=web version=1.2": 1, "group=other listener=web version=other": 1,
		}},
		{"isame_connections_accepted_total", dto.MetricType_COUNTER, false, map[string]float64{"listener=web": 4}},
		{"isame_hedges_total", dto.MetricType_COUNTER, false, map[string]float64{"result=won route=new": 0}},
		{"isame_breaker_trips_total", dto.MetricType_COUNTER, false, map[string]float64{
			"backend=10.0.0.1:80 pool=p": 0, "backend=unix:/b.sock pool=p": 3, "backend=c:1 pool=p": 0,
		}},
		{"isame_trace_spans_total", dto.MetricType_COUNTER, false, map[string]float64{"result=exported": 7, "result=lost": 2}},
		{"isame_headroom_ratio", dto.MetricType_GAUGE, false, map[string]float64{"": 1.5}},
		{"isame_headroom_limit_ratio", dto.MetricType_GAUGE, false, map[string]float64{"limit=memory": 1.5, "limit=processors": 2.5}},
		{"isame_build_info", dto.MetricType_GAUGE, false, map[string]float64{"commit=c go_version=g version=v": 1}},
		{"isame_custom_requests_total", dto.MetricType_COUNTER, false, map[string]float64{
			"name=all": 0, "name=tiers tier=gold": 2, "name=tiers tier=other": 1,
		}},
		{"isame_request_duration_seconds", dto.MetricType_HISTOGRAM, false, map[string]float64{"route=api": 4, "route=": 1}},
		{"isame_backend_requests_total", dto.MetricType_COUNTER, false, map[string]float64{
			"backend=10.0.0.1:80 code=200 pool=p": 1, "backend=10.0.0.1:80 code=0 pool=p": 1,
		}},
		{"isame_backend_duration_seconds", dto.MetricType_HISTOGRAM, false, map[string]float64{"pool=p": 1}},
		{"isame_backend_up", dto.MetricType_GAUGE, false, map[string]float64{
			"backend=10.0.0.1:80 pool=p": 1, "backend=unix:/b.sock pool=p": 0, "backend=c:1 pool=p": 0,
		}},
		{"isame_backend_inflight", dto.MetricType_GAUGE, false, map[string]float64{
			"backend=10.0.0.1:80 pool=p": 8, "backend=unix:/b.sock pool=p": 0, "backend=c:1 pool=p": 0,
		}},
		{"isame_breaker_state", dto.MetricType_GAUGE, false, map[string]float64{
			"backend=10.0.0.1:80 pool=p": 0, "backend=unix:/b.sock pool=p": 2, "backend=c:1 pool=p": 1,
		}},
		{"isame_retries_total", dto.MetricType_COUNTER, false, map[string]float64{"reason=connect_failure route=api": 1}},
		{"isame_middleware_total", dto.MetricType_COUNTER, true, map[string]float64{
			"middleware=limit outcome=passed": 1, "middleware=limit outcome=answered": 1,
		}},
		{"isame_rate_limited_total", dto.MetricType_COUNTER, false, map[string]float64{"middleware=limit": 2}},
		{"isame_connections", dto.MetricType_GAUGE, false, map[string]float64{"listener=web state=active": 3, "listener=web state=idle": 4}},
		{"isame_bytes_total", dto.MetricType_COUNTER, false, map[string]float64{"direction=in listener=web": 5, "direction=out listener=web": 6}},
		{"isame_config_generation", dto.MetricType_GAUGE, false, map[string]float64{"": 7}},
		{"isame_config_drift", dto.MetricType_GAUGE, false, map[string]float64{"": 1}},
		{"isame_config_reloads_total", dto.MetricType_COUNTER, false, map[string]float64{"result=applied": 0, "result=rejected": 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			family := families[c.name]
			if family == nil {
				t.Fatalf("family is missing; got %v", slices.Sorted(maps.Keys(families)))
			}
			if family.GetType() != c.kind {
				t.Errorf("type: got %v; want %v", family.GetType(), c.kind)
			}
			if family.GetHelp() == "" {
				t.Error("no HELP text")
			}
			got := samples(family)
			if c.counted {
				maps.DeleteFunc(got, func(_ string, n float64) bool { return n == 0 })
			}
			if !maps.Equal(got, c.want) {
				t.Errorf("samples:\ngot  %v\nwant %v", got, c.want)
			}
		})
	}
	for _, name := range []string{"go_goroutines", "go_memstats_heap_inuse_bytes", "process_cpu_seconds_total", "process_open_fds"} {
		if families[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
}

// TestHeadroomThatIsNotKnownIsNotShown: an autoscaler must not take it for 0.
func TestHeadroomThatIsNotKnownIsNotShown(t *testing.T) {
	r := NewRegistry(1)
	r.SetHeadroom(func() Headroom { return Headroom{Limits: map[string]float64{}} })
	_, families := scrape(t, r)
	if len(families["isame_headroom_ratio"].GetMetric())+len(families["isame_headroom_limit_ratio"].GetMetric()) != 0 {
		t.Errorf("got %v and %v; want nothing", families["isame_headroom_ratio"], families["isame_headroom_limit_ratio"])
	}
}

// TestEveryFamilyIsDescribedOnce checks what the parser forgives: a family in
// two places, or samples before their TYPE line.
func TestEveryFamilyIsDescribedOnce(t *testing.T) {
	page, _ := scrape(t, busyRegistry())
	described := map[string]bool{}
	current := ""
	suffix := regexp.MustCompile(`_(bucket|sum|count)$`)
	for line := range strings.Lines(page) {
		line = strings.TrimSuffix(line, "\n")
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, _, _ := strings.Cut(rest, " ")
			if described[name] {
				t.Errorf("%s is described twice", name)
			}
			described[name], current = true, name
			continue
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		name := line[:strings.IndexAny(line, "{ ")]
		if name != current && suffix.ReplaceAllString(name, "") != current {
			t.Errorf("sample %q stands under family %s", line, current)
		}
	}
}

func TestHistogramIsCumulative(t *testing.T) {
	_, families := scrape(t, busyRegistry())
	for _, metric := range families["isame_request_duration_seconds"].GetMetric() {
		h := metric.GetHistogram()
		if metric.GetLabel()[0].GetValue() != "api" {
			continue
		}
		before := uint64(0)
		for _, bucket := range h.GetBucket() {
			if bucket.GetCumulativeCount() < before {
				t.Errorf("le=%v falls from %d to %d", bucket.GetUpperBound(), before, bucket.GetCumulativeCount())
			}
			before = bucket.GetCumulativeCount()
			if want := uint64(2); bucket.GetUpperBound() == 0.005 && before != want {
				t.Errorf("le=0.005: got %d; want %d", before, want)
			}
		}
		if want := 61.006; h.GetSampleSum() != want {
			t.Errorf("sum: got %v; want %v", h.GetSampleSum(), want)
		}
		return
	}
	t.Error("no histogram for route api")
}

func TestLabelValuesAreEscaped(t *testing.T) {
	for _, c := range []struct{ name, route, want string }{
		{"quote", `a"b`, `a"b`},
		{"backslash", `a\b`, `a\b`},
		{"line end", "a\nb", "a\nb"},
		{"all", "\\\"\n", "\\\"\n"},
		{"not UTF-8", "a\xffb", "a\uFFFDb"},
		{"not UTF-8 and quote", "\xff\"", "\uFFFD\""},
		{"injection", "a\",route=\"b", "a\",route=\"b"},
		{"other scripts", "\u0141\u00f3d\u017a", "\u0141\u00f3d\u017a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := NewRegistry(1)
			r.Route("l", c.route).Observe(0, 200, 0)
			_, families := scrape(t, r)
			want := map[string]float64{"code=200 listener=l route=" + c.want: 1}
			if got := samples(families["isame_requests_total"]); !maps.Equal(got, want) {
				t.Errorf("got %v; want %v", got, want)
			}
		})
	}
}

func FuzzLabel(f *testing.F) {
	f.Add("a\"b\\c\nd\xff")
	f.Fuzz(func(t *testing.T, value string) {
		r := NewRegistry(1)
		r.RateLimited(value).Add(0, 1)
		var page bytes.Buffer
		r.WriteMetrics(&page, "")
		parser := expfmt.NewTextParser(model.LegacyValidation)
		families, err := parser.TextToMetricFamilies(&page)
		if err != nil {
			t.Fatalf("label %q: %v", value, err)
		}
		got := families["isame_rate_limited_total"].GetMetric()
		if want := strings.ToValidUTF8(value, "\uFFFD"); len(got) != 1 || got[0].GetLabel()[0].GetValue() != want {
			t.Errorf("label %q: got %v; want %q", value, got, want)
		}
	})
}

func TestUnusedFamiliesLeaveNoTrace(t *testing.T) {
	page, _ := scrape(t, NewRegistry(1))
	if strings.Contains(page, "isame_requests_total") || strings.Contains(page, "isame_backend_up") {
		t.Errorf("a family without samples is on the page:\n%s", page)
	}
}

// TestReaderMayLeave writes to a connection that is closed.
func TestReaderMayLeave(t *testing.T) {
	w := &closedWriter{}
	busyRegistry().WriteMetrics(w, "")
	if w.tried == 0 {
		t.Error("nothing was written")
	}
}

type closedWriter struct{ tried int }

func (w *closedWriter) Write([]byte) (int, error) {
	w.tried++
	return 0, errors.New("closed")
}
