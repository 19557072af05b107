package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// families scrapes /metrics and reads the page with Prometheus' own parser.
func (p *proxy) families() map[string]*dto.MetricFamily {
	p.t.Helper()
	response, err := http.Get("http://" + p.admin + "/metrics")
	if err != nil {
		p.t.Fatalf("cannot scrape: %v", err)
	}
	defer func() { _ = response.Body.Close() }()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		p.t.Fatalf("cannot parse /metrics: %v", err)
	}
	return families
}

// metric returns the sum of the samples of a family that carry the labels
// (name, value, name, value); for a histogram the number of observations.
func (p *proxy) metric(name string, labels ...string) float64 {
	p.t.Helper()
	total := 0.0
	for _, m := range p.families()[name].GetMetric() {
		if !hasLabels(m, labels) {
			continue
		}
		total += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
	}
	return total
}

// eventuallyCounts waits until a family's samples with the labels sum up to
// want: an exchange is counted after the client has its last byte.
func (p *proxy) eventuallyCounts(want float64, name string, labels ...string) {
	p.t.Helper()
	eventually(p.t, fmt.Sprintf("%s%q is %v", name, labels, want), func() string {
		if got := p.metric(name, labels...); got != want {
			return fmt.Sprint(got)
		}
		return ""
	})
}

func hasLabels(m *dto.Metric, labels []string) bool {
	found := 0
	for _, pair := range m.GetLabel() {
		for i := 0; i+1 < len(labels); i += 2 {
			if pair.GetName() == labels[i] && pair.GetValue() == labels[i+1] {
				found++
			}
		}
	}
	return found == len(labels)/2
}

// poolStatus is what the tests read of GET /api/v1/pools/{pool}.
type poolStatus struct {
	Name     string `json:"name"`
	Members  int    `json:"members"`
	Healthy  int    `json:"healthy"`
	InFlight int64  `json:"in_flight"`
	Backends []struct {
		Address string `json:"address"`
		Health  string `json:"health"`
		Reason  string `json:"reason"`
		Up      bool   `json:"up"`
		Probes  []struct {
			OK     bool   `json:"ok"`
			Reason string `json:"reason"`
			Live   bool   `json:"live"`
		} `json:"probes"`
	} `json:"backends"`
	Discovery struct {
		Found    int        `json:"found"`
		Resolved *time.Time `json:"resolved"`
		Failures int        `json:"failures"`
		Error    string     `json:"error"`
	} `json:"discovery"`
}

// pool asks the API for a pool.
func (p *proxy) pool(name string) poolStatus {
	p.t.Helper()
	var status poolStatus
	p.api("/api/v1/pools/"+name, &status)
	return status
}

// api reads one answer of the admin API.
func (p *proxy) api(path string, into any) {
	p.t.Helper()
	response, err := http.Get("http://" + p.admin + path)
	if err != nil {
		p.t.Fatalf("cannot ask the admin API: %v", err)
	}
	decodeBody(p.t, response, http.StatusOK, into)
}

func decodeBody(t *testing.T, response *http.Response, status int, into any) {
	t.Helper()
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("cannot read the answer: %v", err)
	}
	if response.StatusCode != status {
		t.Fatalf("%s: got status %d; want %d\n%s", response.Request.URL, response.StatusCode, status, text)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("cannot decode %q: %v", text, err)
	}
}
