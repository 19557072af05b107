package ctl

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/ctl/api"
)

func sampleHeadroom() *api.Headroom {
	return &api.Headroom{
		Concluded: true, Times: new(2.3), Low: new(2.0), High: new(2.6), RequestsPerSecond: 12_400, Requests: 744_000, Seconds: 60,
		P99MS: new(1.0), TargetMS: new(5.0), Processors: api.HeadroomProcessors{Available: 1, Used: 0.41},
		Limits: []api.HeadroomLimit{
			{Limit: "processors", Use: 0.41, Most: 1, Concluded: true, Times: new(2.3), Low: new(2.0), High: new(2.6)},
			{Limit: "pool_requests", Name: "api", Use: 20, Most: 100, Concluded: true, Times: new(4.0), Low: new(3.5), High: new(5.0)},
		},
	}
}

func TestHeadroomIsSaidInWords(t *testing.T) {
	one, full := new(1.0), new(0.97)
	for _, c := range []struct {
		name   string
		change func(*api.Headroom)
		want   string
	}{
		{"processors", func(*api.Headroom) {}, "This instance takes 2.3 x (2.0-2.6) of the present 12,400 requests a second, until p99 passes 5.0 ms " +
			"(5 x of now). First limit: processors (41 % used). Next: requests in progress in pool api (20 of 100), 4.0 x (3.5-5.0)."},
		{"a target", func(h *api.Headroom) { h.TargetConfigured, h.Limits = true, h.Limits[:1] }, "This instance takes 2.3 x (2.0-2.6) of the " +
			"present 12,400 requests a second, until p99 passes 5.0 ms. First limit: processors (41 % used)."},
		{"another limit", func(h *api.Headroom) {
			h.Times, h.Low, h.High, h.Limits = full, full, one, h.Limits[1:]
		}, "This instance takes 0.97 x (0.97-1.00) of the present 12,400 requests a second, until that is reached. First limit: requests in progress in pool api (20 of 100)."},
		{"much", func(h *api.Headroom) { h.Times, h.Limits = new(400.0), h.Limits[:1] }, "This instance takes more than 100 x of the present 12,400 " +
			"requests a second, until p99 passes 5.0 ms (5 x of now). First limit: processors (41 % used)."},
		{"backends too slow", func(h *api.Headroom) { h.TargetConfigured, h.TargetBeyond, h.Limits = true, true, h.Limits[:1] }, "This instance takes 2.3 x (2.0-2.6) of the " +
			"present 12,400 requests a second, until p99 passes 5.0 ms (5 x of now). First limit: processors (41 % used). Backends alone take longer than headroom.target_p99, so that it does not count here."},
		{"nothing", func(h *api.Headroom) { *h = api.Headroom{Missing: "it has looked for 2 s, and takes 5"} }, "Cannot tell yet: it has looked for 2 s, and takes 5."},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := sampleHeadroom()
			c.change(h)
			if got := headroomSummary(h); got != c.want {
				t.Errorf("got %q; want %q", got, c.want)
			}
		})
	}
}

func TestHeadroomEndpointAndStatusAgree(t *testing.T) {
	s := start(t, Options{Sources: Sources{Headroom: sampleHeadroom, Status: func() api.Status { return api.Status{} }}})
	var h api.Headroom
	if err := json.Unmarshal([]byte(raw(t, s, request("GET", "/api/v1/headroom", "", "")).body), &h); err != nil {
		t.Fatal(err)
	}
	if h.Times == nil || *h.Times != 2.3 || len(h.Limits) != 2 || h.Limits[1].Says != "requests in progress in pool api (20 of 100)" || !strings.Contains(h.Summary, "2.3 x") {
		t.Errorf("got %+v", h)
	}
	var st api.Status
	if err := json.Unmarshal([]byte(raw(t, s, request("GET", "/api/v1/status", "", "")).body), &st); err != nil {
		t.Fatal(err)
	}
	if b := st.Headroom; b == nil || b.Limit != "processors" || b.Summary != "2.3 x (2.0-2.6) of the present load; first limit: processors" {
		t.Errorf("got %+v", st.Headroom)
	}
}

func TestNumbersAreGrouped(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 0.5: "0.5", 3: "3", 9.94: "9.9", 9.96: "10", 999: "999", 1000: "1,000", 1234567.8: "1,234,568"} {
		if got := grouped(x); got != want {
			t.Errorf("%v: got %s; want %s", x, got, want)
		}
	}
}
