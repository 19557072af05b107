package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// withoutNumbers are the queries that have none in a proxy like the one below.
var withoutNumbers = map[string]string{
	"Memory, {{instance}} limit": "no GOMEMLIMIT is set",
}

// ofTheKernel are metrics that are there where the kernel says them.
const ofTheKernel = "process_pressure_"

// everything is a proxy whose traffic reaches each metric that the dashboard has.
type everything struct {
	*proxy
	https, quic *http.Client
}

// startEverything has a route that retries, hedges and mirrors, one whose limit is used up,
// one whose backend is not there, one in two parts, and one where one request at a time has a
// place; and a certificate that nobody issues.
func startEverything(t *testing.T) *everything {
	t.Helper()
	good, c := newBackend(t, nil), newPair(t, tomorrow(), "a.test")
	bad := newBackend(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	slow := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close") // each attempt connects anew
		select {
		case <-time.After(20 * time.Millisecond): // others queue meanwhile
		case <-r.Context().Done():
		}
	})
	p := start(t, `
listeners:
  clear: {address: "127.0.0.1:0"}
  web:
    address: "127.0.0.1:0"
    http3: true
    tls:
      certificates: [{cert_file: "`+c.certFile+`", key_file: "`+c.keyFile+`"}]
      acme: {hosts: [b.test], directory: "https://`+freeAddress(t)+`/dir", storage: "`+t.TempDir()+`"}
admin: {address: "127.0.0.1:0"}
log: {format: json}
middleware:
  limit: {type: rate_limit, rate: 1, per: 1h, burst: 1}
  tally: {type: count, labels: {asked: "{method}"}}
routes:
  api:
    path_prefix: /api
    pool: api
    middleware: [tally]
    retry: {attempts: 2, on: [connect_failure, "503"]}
    hedge: {after: 1s}
    mirror: {pool: shadow, percent: 100, compare: true}
  limited: {path_prefix: /limited, pool: shadow, middleware: [limit]}
  parted: {path_prefix: /parted, split: {api: 50, shadow: 50}}
  dead: {path_prefix: /dead, pool: dead}
  narrow: {path_prefix: /narrow, pool: narrow}
pools:
  api: {backends: `+members(good, bad)+`}
  shadow: {backends: `+members(good)+`}
  dead: {backends: [{address: "`+freeAddress(t)+`"}]}
  narrow: {backends: `+members(slow)+`, concurrency: {max_requests: 1, max_queue: 10}}
`)
	return &everything{proxy: p, https: p.http2Client(), quic: p.h3Client(c)}
}

// http2Client speaks HTTP/2 to listener web.
func (p *proxy) http2Client() *http.Client {
	address := p.address()
	transport := &http.Transport{
		ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "a.test"},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}
	p.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// round is a bit of all traffic, on new connections too, and a collection of garbage.
func (e *everything) round() {
	e.t.Helper()
	inClear := "http://" + e.addressOf("clear")
	once := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	var all sync.WaitGroup
	for path, n := range map[string]int{"/api": 4, "/limited": 2, "/parted": 2, "/dead": 2, "/nowhere": 1, "/narrow": 4} {
		for range n {
			all.Go(func() { e.ask(once, inClear+path) })
		}
	}
	all.Go(func() { e.ask(once, "http://"+e.admin+"/debug/pprof/heap?gc=1") })
	all.Go(func() { e.ask(e.https, "https://a.test/api") })
	all.Go(func() { e.ask(e.quic, "https://a.test/api") })
	all.Wait()
	e.https.CloseIdleConnections() // the next round has a handshake
}

// ask wants an answer, whichever.
func (e *everything) ask(client *http.Client, from string) {
	if _, err := tryExchange(client, request(e.t, http.MethodGet, from, "")); err != nil {
		e.t.Errorf("%s: %v", from, err)
	}
}

// shownLabel is one in a legend.
var shownLabel = regexp.MustCompile(`\{\{([a-z_]+)\}\}`)

// missing says what a query lacks of a number that can be shown with its legend.
func (p *prometheus) missing(q *grafanaQuery) string {
	var got struct {
		Data struct {
			Result []struct {
				Metric map[string]string `json:"metric"`
				Value  [2]any            `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := p.ask("/api/v1/query?query="+url.QueryEscape(filledIn(q.Expr)), &got); err != nil {
		return err.Error()
	}
	what := "nothing"
	for _, r := range got.Data.Result {
		number, err := strconv.ParseFloat(fmt.Sprint(r.Value[1]), 64)
		if err != nil || math.IsNaN(number) || math.IsInf(number, 0) {
			what = fmt.Sprint(r.Value[1])
			continue
		}
		what = ""
		for _, l := range shownLabel.FindAllStringSubmatch(q.Legend, -1) {
			if _, ok := r.Metric[l[1]]; !ok {
				what = "no label " + l[1]
			}
		}
		if what == "" {
			return ""
		}
	}
	return what
}

// filledIn is a query as Grafana sends it, for everything there is. The range of rates is as
// long as the test may take: it begins to give numbers with the second scrape.
func filledIn(query string) string {
	return strings.NewReplacer("$__rate_interval", "30s", "$__range", "1m", "$job", "isame", "$instance", ".*",
		"$route", ".*", "$pool", ".*").Replace(query)
}

// TestGrafanaHasNumbers asks Debian's Prometheus, which has the rules too, for each query of
// the dashboard.
func TestGrafanaHasNumbers(t *testing.T) {
	t.Parallel()
	binary := needProgram(t, "prometheus", "prometheus")
	rules, err := filepath.Abs(observability + "rules/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	e := startEverything(t)
	s := runPrometheus(t, binary, `
global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 1s}
rule_files: ["`+rules+`"]
scrape_configs: [{job_name: isame, static_configs: [{targets: ["`+e.admin+`"]}]}]
`)
	dashboard, left := readDashboard(t), []grafanaQuery(nil)
	kernel := e.families()[ofTheKernel+"cpu_waiting_seconds_total"] != nil
	for _, q := range dashboard.queries() {
		if withoutNumbers[q.title+", "+q.Legend] == "" && (kernel || !strings.Contains(q.Expr, ofTheKernel)) {
			left = append(left, q)
		}
	}
	eventually(t, "every query gives numbers", func() string {
		e.round()
		var what []string
		left = slices.DeleteFunc(left, func(q grafanaQuery) bool {
			missing := s.missing(&q)
			if missing != "" {
				what = append(what, fmt.Sprintf("%s, %s: %s of\n  %s", q.title, q.Legend, missing, q.Expr))
			}
			return missing == ""
		})
		return strings.Join(what, "\n")
	})
	for _, q := range dashboard.queries() {
		if withoutNumbers[q.title+", "+q.Legend] != "" && s.missing(&q) == "" {
			t.Errorf("%s has numbers", q.title)
		}
	}
	s.wantsSoundRules()
}

// wantsSoundRules waits until each rule was evaluated, and well.
func (p *prometheus) wantsSoundRules() {
	p.t.Helper()
	eventually(p.t, "all rules are evaluated", func() string {
		var got struct {
			Data struct {
				Groups []struct {
					Rules []struct {
						Name, Health, LastError string
					} `json:"rules"`
				} `json:"groups"`
			} `json:"data"`
		}
		if err := p.ask("/api/v1/rules", &got); err != nil {
			return err.Error()
		}
		n := 0
		for _, g := range got.Data.Groups {
			for _, r := range g.Rules {
				n++
				if r.Health != "ok" {
					return r.Name + ": " + r.Health + " " + r.LastError
				}
			}
		}
		if want := len(readRules(p.t)); n != want {
			return fmt.Sprintf("%d rules of %d", n, want)
		}
		return ""
	})
}
