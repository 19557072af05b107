package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

// TestDashboardBlamesTheSlowBackend has one of three backends answer late, and nobody at first.
func TestDashboardBlamesTheSlowBackend(t *testing.T) {
	t.Parallel()
	slow := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/fail" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		pace(40 * time.Millisecond)
		_, _ = io.WriteString(w, "late")
	})
	fast, other := newBackend(t, nil), newBackend(t, nil)
	p := start(t, header+"routes: {api: {path_prefix: /api, pool: p}, one: {path: /fail, pool: s}, rest: {pool: p}}\n"+
		"pools: {p: {backends: "+members(fast, slow, other)+"}, s: {backends: "+members(slow)+"}}\n")
	b := openTab(t, p.admin)
	b.says("main .card", "Nothing can be concluded yet. No exchange is kept")
	b.open("blame", "Blame")
	b.says(".verdict", "Nothing can be concluded yet.")
	for range 150 {
		get(t, p.url("/api")).wantStatus(t, 200)
	}
	for range 3 {
		get(t, p.url("/fail")).wantStatus(t, 503)
	}
	b.click("//main", "Read anew")
	b.says(".verdict", "is waiting for the first byte of "+slow.address)
	b.says(".ranked li:first-child", "backend: waiting for the first byte")
	b.says(".ranked li:first-child", slow.address)
	b.sees(`[...document.querySelectorAll(".stack i")].reduce((sum, e) => sum + e.getBoundingClientRect().width, 0) > document.querySelector(".stack").getBoundingClientRect().width / 2`)
	b.says("main table tbody tr:first-child", slow.address)
	b.says("main table", "status 503")
	b.isAccessible("blame with a tail")

	// One route alone, one that is none, and one that has too little.
	b.write("main input", "one")
	b.says(".verdict", "Nothing can be concluded yet. 3 exchanges of one")
	b.write("main input", "ap")
	b.says("main .problem", `did you mean "api"?`)
	b.write("main input", "api")
	b.says(".verdict", "% of api is waiting for the first byte")
	b.write("main select", "1m")
	b.says(".verdict", "% of api is waiting for the first byte")
	b.shoot("blame-tail")

	b.open("overview", "Overview")
	b.says("main .card", "is waiting for the first byte of "+slow.address)

	// The pictures of ctl/README.md are of here: an overview with traffic, in both themes and on a phone.
	stop := startLoad(t, func(ctx context.Context, client *http.Client, _ int) error {
		return expectOK(ctx, client, http.MethodGet, p.url("/api"), "")
	})
	b.sees(`document.querySelectorAll(".chart canvas").length === 3 && window.uPlot !== undefined`)
	began := time.Now()
	b.sees(fmt.Sprintf(`Date.now() - %d > 12000`, began.UnixMilli())) // so many seconds are in the charts
	b.shoot("overview-traffic-light")
	b.look(1280, 900, "dark")
	b.shoot("overview-traffic-dark")
	b.look(375, 812, "light")
	b.sees("document.documentElement.scrollWidth <= innerWidth")
	b.shoot("overview-traffic-phone")
	stop()
}
