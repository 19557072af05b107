package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// prometheus is one that runs and scrapes a proxy, as several jobs.
type prometheus struct {
	t       *testing.T
	address string
}

// needPrometheus3 is the binary that ISAME_PROMETHEUS names. Building one takes many minutes,
// so CI has that of Debian, which is a 2.
func needPrometheus3(t *testing.T) string {
	t.Helper()
	binary := os.Getenv("ISAME_PROMETHEUS")
	if binary == "" {
		t.Skip("SKIPPED: ISAME_PROMETHEUS names no Prometheus 3: scripts/prometheus.sh builds one")
	}
	return binary
}

// startPrometheus runs a binary with these jobs, as text of YAML without what all have.
func startPrometheus(t *testing.T, binary, target string, jobs map[string]string, args ...string) *prometheus {
	t.Helper()
	var text strings.Builder
	text.WriteString("global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n")
	for name, keys := range jobs {
		fmt.Fprintf(&text, "  - {job_name: %s, static_configs: [{targets: [%q]}]%s}\n", name, target, keys)
	}
	return runPrometheus(t, binary, text.String(), args...)
}

// runPrometheus runs a binary with a configuration.
func runPrometheus(t *testing.T, binary, configuration string, args ...string) *prometheus {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &prometheus{t: t, address: freeAddress(t)}
	process := exec.Command(binary, append([]string{
		"--config.file=" + file, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + p.address,
		"--enable-feature=exemplar-storage",
	}, args...)...)
	process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var said strings.Builder
	process.Stdout, process.Stderr = &said, &said
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = process.Process.Kill()
		_ = process.Wait()
		if t.Failed() {
			t.Logf("Prometheus said:\n%s", said.String())
		}
	})
	return p
}

// ask calls Prometheus' API.
func (p *prometheus) ask(path string, into any) error {
	response, err := http.Get("http://" + p.address + path)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(into)
}

// value is that of a query with one result.
func (p *prometheus) value(query string) string {
	var got struct {
		Data struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := p.ask("/api/v1/query?query="+url.QueryEscape(query), &got); err != nil {
		return err.Error()
	}
	if len(got.Data.Result) != 1 {
		return fmt.Sprintf("%d results", len(got.Data.Result))
	}
	return fmt.Sprint(got.Data.Result[0].Value[1])
}

func (p *prometheus) eventuallySays(query, want string) {
	p.t.Helper()
	eventually(p.t, fmt.Sprintf("%s is %s", query, want), func() string {
		if got := p.value(query); got != want {
			return got
		}
		return ""
	})
}

// exemplars are how many ids of requests a query of exemplars brings up.
func (p *prometheus) exemplars(query string) (ids []string, err error) {
	var got struct {
		Data []struct {
			Exemplars []struct {
				Labels map[string]string `json:"labels"`
			} `json:"exemplars"`
		} `json:"data"`
	}
	now := time.Now()
	err = p.ask(fmt.Sprintf("/api/v1/query_exemplars?query=%s&start=%d&end=%d", url.QueryEscape(query), now.Add(-time.Hour).Unix(), now.Add(time.Hour).Unix()), &got)
	for _, series := range got.Data {
		for _, e := range series.Exemplars {
			ids = append(ids, e.Labels["request_id"])
		}
	}
	return ids, err
}

// scraped starts a proxy that has answered three requests.
func scraped(t *testing.T) *proxy {
	t.Helper()
	b := newBackend(t, nil)
	p := start(t, header+"routes: {all: {pool: p}}\npools: {p: {backends: [{address: \""+b.address+"\"}]}}\n")
	for range 3 {
		if got := get(t, p.url("/")); got.status != http.StatusOK {
			t.Fatalf("got %d", got.status)
		}
	}
	p.eventuallyCounts(3, "isame_requests_total", "route", "all", "code", "200")
	return p
}

// wantsExemplar waits until a job has exemplars, whose ids the recorder knows.
func (p *prometheus) wantsExemplar(of *proxy, job string) {
	p.t.Helper()
	eventually(p.t, "exemplars of "+job, func() string {
		ids, err := p.exemplars(`isame_request_duration_seconds_bucket{job="` + job + `"}`)
		if err != nil || len(ids) == 0 {
			return fmt.Sprint(ids, err)
		}
		if found := get(p.t, "http://"+of.admin+"/api/v1/records/"+ids[0]); found.status != http.StatusOK {
			return fmt.Sprintf("the record of %q: %d", ids[0], found.status)
		}
		return ""
	})
}

// TestDebiansPrometheusScrapes is a Prometheus 2, which asks for OpenMetrics.
func TestDebiansPrometheusScrapes(t *testing.T) {
	t.Parallel()
	binary := needProgram(t, "prometheus", "prometheus")
	p := scraped(t)
	s := startPrometheus(t, binary, p.admin, map[string]string{"open": ""})
	s.eventuallySays(`up{job="open"}`, "1")
	s.eventuallySays(`isame_requests_total{route="all",code="200"}`, "3")
	s.eventuallySays(`isame_responses_total{route="all",class="5xx"}`, "0")
	s.eventuallySays(`isame_request_duration_seconds_count{route="all"}`, "3")
	s.eventuallySays(`count(go_goroutines)`, "1")
	s.wantsExemplar(p, "open")
}

// TestPrometheus3ScrapesEachFormat has native histograms beside the classic ones.
func TestPrometheus3ScrapesEachFormat(t *testing.T) {
	binary := needPrometheus3(t)
	p := scraped(t)
	s := startPrometheus(t, binary, p.admin, map[string]string{
		"usual": "", "text": ", scrape_protocols: [PrometheusText0.0.4]", "text1": ", scrape_protocols: [PrometheusText1.0.0]",
		"open": ", scrape_protocols: [OpenMetricsText1.0.0]", "old": ", scrape_protocols: [OpenMetricsText0.0.1]",
		"proto": ", scrape_protocols: [PrometheusProto], scrape_native_histograms: true",
	})
	for _, job := range []string{"usual", "text", "text1", "open", "old", "proto"} {
		s.eventuallySays(`up{job="`+job+`"}`, "1")
		s.eventuallySays(`isame_requests_total{job="`+job+`",route="all",code="200"}`, "3")
		s.eventuallySays(`isame_retries_total{job="`+job+`",route="all",reason="reset"}`, "0")
	}
	s.eventuallySays(`isame_request_duration_seconds_count{job="text",route="all"}`, "3")
	s.eventuallySays(`histogram_count(isame_request_duration_seconds{job="proto",route="all"})`, "3")
	s.eventuallySays(`count(isame_request_duration_seconds_count{job="proto"}) or vector(0)`, "0")
	s.wantsExemplar(p, "open")
	if ids, err := s.exemplars(`isame_request_duration_seconds_bucket{job="text"}`); err != nil || len(ids) > 0 {
		t.Errorf("the text format has exemplars: %v, %v", ids, err)
	}
}

// TestPrometheus3TakesPushes has no job: the metrics come by OTLP, with explicit bounds and as
// native histograms.
func TestPrometheus3TakesPushes(t *testing.T) {
	binary := needPrometheus3(t)
	s := startPrometheus(t, binary, "", nil, "--web.enable-otlp-receiver")
	b := newBackend(t, nil)
	for _, histograms := range []string{"explicit", "exponential"} {
		p := start(t, header+"instance: "+histograms+"\nroutes: {all: {pool: p}}\npools: {p: {backends: [{address: \""+b.address+"\"}]}}\n"+
			"metrics: {otlp: {enabled: true, endpoint: \"http://"+s.address+"/api/v1/otlp\", interval: 1s, service_name: edge, histograms: "+histograms+"}}\n")
		for range 3 {
			get(t, p.url("/")).wantStatus(t, http.StatusOK)
		}
		of := `{job="edge",instance="` + histograms + `",route="all"`
		s.eventuallySays(`isame_requests_total`+of+`,code="200"}`, "3")
		s.eventuallySays(`isame_retries_total`+of+`,reason="reset"}`, "0")
		if histograms == "explicit" {
			s.eventuallySays(`isame_request_duration_seconds_count`+of+`}`, "3")
		} else {
			s.eventuallySays(`histogram_count(isame_request_duration_seconds`+of+`})`, "3")
		}
		if p.metric("isame_metrics_pushes_total", "result", "failed") != 0 {
			t.Errorf("%s: a push has failed", histograms)
		}
	}
}
