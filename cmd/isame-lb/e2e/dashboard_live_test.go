package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// manyBackends is a pool of a thousand addresses at which one server listens.
func manyBackends(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(ln)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
	})
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	text.WriteString(header + "routes: {all: {pool: p}}\npools:\n  p:\n    backends:\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "      - {address: \"127.1.%d.%d:%s\"}\n", i/250, 1+i%250, port)
	}
	return text.String()
}

// memory is what a process has in RAM, in bytes.
func (p *proxy) memory() int {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.command.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		p.t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// TestDashboardFollowsWhatOthersDo: nothing is asked for and nothing clicked, and the page shows it.
func TestDashboardFollowsWhatOthersDo(t *testing.T) {
	t.Parallel()
	configuration, backends := shopConfig(t)
	p := start(t, configuration)
	b := openTab(t, p.admin)
	b.says("main", "of 2")
	for range 7 {
		get(t, p.url("/seen")).wantStatus(t, 200)
	}
	b.sees(`[...document.querySelectorAll(".figure")].some((e) => e.innerText.includes("Exchanges") && e.innerText.includes("7"))`)
	b.sees(`[...document.querySelectorAll("main table td")].some((e) => e.innerText === "7")`)

	b.open("pools", "Pools and backends")
	b.says("tbody", backends[0].address)
	const at = "/api/v1/pools/p/backends/"
	exchange(t, request(t, "PATCH", "http://"+p.admin+at+backends[0].address, `{"state":"drain","weight":4}`, "Content-Type", "application/json")).wantStatus(t, 200)
	b.says("tbody tr:first-child, tbody tr:nth-child(2), tbody tr:nth-child(3)", "drains")
	b.says("tbody", "weight 4")
	exchange(t, request(t, "DELETE", "http://"+p.admin+at+backends[1].address, "")).wantStatus(t, 200)
	b.says("main", "1 of 1 backends")
	extra := newBackend(t, nil)
	exchange(t, request(t, "POST", "http://"+p.admin+"/api/v1/pools/p/backends", `{"address":"`+extra.address+`"}`, "Content-Type", "application/json")).wantStatus(t, 200)
	b.says("tbody", extra.address)
	b.says("main", "2 of 2 backends")

	// What is known of routes comes anew with another configuration; what has happened is listed.
	b.open("routes", "Routes")
	b.says("main", "2 of 2 routes")
	p.reload(strings.Replace(configuration, "routes:", "routes:\n  more: {path: /more, respond: {status: 204}}", 1), "applied")
	b.says("main", "3 of 3 routes")
	get(t, p.url("/more")).wantStatus(t, 204)
	b.sees(`[...document.querySelectorAll("tbody tr")].some((r) => r.innerText.includes("= /more") && /now|ago/.test(r.innerText))`)
	b.open("overview", "Overview")
	b.says(".feed", "generation 2 serves")
	b.says(".feed", "backend "+extra.address+" of p: added")
}

// TestDashboardTakesOneConnection: a browser has six to one host, and each open page holds what it streams.
func TestDashboardTakesOneConnection(t *testing.T) {
	p := start(t, responding(201))
	b := openTab(t, p.admin)
	b.says("main dd", "MiB")
	var open int
	b.run(chromedp.Evaluate(`performance.getEntriesByType("resource").filter((e) => e.name.includes("/api/v1/") && !e.name.includes("/live")).length`, &open))
	if open > 4 { // blame and instances, once or twice
		t.Errorf("the page has asked %d times; want what it shows from the stream", open)
	}
}

// TestDashboardsThatDoNotRead hold up no traffic, and little memory.
func TestDashboardsThatDoNotRead(t *testing.T) {
	p := start(t, manyBackends(t))
	get(t, p.url("/")).wantStatus(t, 200)
	before := p.memory()
	deafClients(t, p.admin, "/api/v1/live?parts=backends,routes", 100)
	b := openTab(t, p.admin)
	stop := load(t, p.url("/")) // fails where one of them does
	b.open("pools", "Pools and backends")
	b.says("main", "1,000 of 1,000 backends")
	for range 300 {
		get(t, p.url("/")).wantStatus(t, 200)
	}
	b.says("tbody", "/s") // who reads goes on seeing it
	stop()
	p.growsLittle(before, "a hundred who do not read")
}

// TestDashboardShowsInstances: who runs the document, who refuses it, and that etcd is gone.
func TestDashboardShowsInstances(t *testing.T) {
	t.Parallel()
	s := startEtcd(t)
	s.put(shared(201))
	var all []*proxy
	for _, name := range []string{"a", "b"} {
		p := launch(t, s.memberFile(name))
		p.waitReady()
		all = append(all, p)
	}
	for _, p := range all {
		eventually(t, "the others are seen", func() string { return p.sees("a current, b current") })
	}
	b := openTab(t, all[0].admin)
	b.says("main .card", "All 2 run revision")
	b.says("main .card table", "a (this one)")
	b.isAccessible("instances")
	s.put("routes: {all: {respond: {status: 204}}}\n")
	b.says("main .card", "2 of 2 do not run the document as it lies in etcd.")
	b.says("main .card table", "no listener")
	b.shoot("instances")
	s.kill()
	b.says("main .card .notice", "etcd cannot be reached")

	alone := start(t, responding(201))
	b = openTab(t, alone.admin)
	b.says("main .card", "This instance shares its configuration with no other.")
}

// TestDashboardDrawsOneExchange: one alone makes no line, and is seen all the same.
func TestDashboardDrawsOneExchange(t *testing.T) {
	t.Parallel()
	p := start(t, responding(201))
	b := openTab(t, p.admin)
	b.sees(`document.querySelectorAll(".chart canvas").length === 3`)
	b.sees(`document.querySelectorAll(".chart > p").length === 0`) // which says that there is nothing yet
	get(t, p.url("/")).wantStatus(t, 201)
	b.sees(`(() => {
		const chart = document.querySelector('[aria-label^="Latency"] canvas');
		const wanted = getComputedStyle(document.documentElement).getPropertyValue("--chart-2").trim();
		const [r, g, b] = [1, 3, 5].map((i) => parseInt(wanted.slice(i, i + 2), 16));
		const { data } = chart.getContext("2d").getImageData(0, 0, chart.width, chart.height);
		for (let i = 0; i < data.length; i += 4) {
			if (data[i] === r && data[i + 1] === g && data[i + 2] === b && data[i + 3] === 255) {
				return true;
			}
		}
		return false;
	})()`)
}
