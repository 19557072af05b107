package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// shopConfig is a configuration with something for every page to show.
func shopConfig(t *testing.T) (configuration string, backends []*backend) {
	t.Helper()
	backends = newBackends(t, 2)
	return header + `
routes:
  all: {pool: p, middleware: [limit]}
  never: {path: /never, respond: {status: 204}}
pools: {p: {backends: ` + members(backends...) + `, health_check: {type: tcp, interval: 1s}}}
middleware: {limit: {type: rate_limit, rate: 1, per: 1h, burst: 1000}}
`, backends
}

// pagesOfDashboard are all of them, with their titles and a text that each has to show.
func pagesOfDashboard(b *backend) [][3]string {
	return [][3]string{
		{"overview", "Overview", "of 2"},
		{"pools", "Pools and backends", b.address},
		{"backend/p/" + strings.ReplaceAll(b.address, ":", "%3A"), b.address, "Last probes"},
		{"routes", "Routes", "= /never"},
		{"requests", "Requests", "/seen"},
		{"blame", "Blame", "Nothing can be concluded yet"},
		{"explain", "Explain a request", "Header fields"},
		{"config/document", "Configuration", "rate_limit"},
		{"config/effective", "Configuration", "unhealthy_after"},
		{"config/why", "Configuration", "Where from?"},
		{"config/history", "Configuration", "1 (runs)"},
		{"config/edit", "Configuration", "Valid, and what runs."},
		{"certificates", "Certificates", "No listener has a certificate"},
		{"limits", "Limits", "127.0.0.1"},
	}
}

func TestDashboardShowsEveryPage(t *testing.T) {
	t.Parallel()
	configuration, backends := shopConfig(t)
	p := start(t, configuration)
	b := openTab(t, p.admin)
	for _, theme := range []struct {
		name   string
		width  int64
		height int64
	}{{"light", 1280, 900}, {"dark", 1280, 900}, {"phone", 375, 812}} {
		b.look(theme.width, theme.height, strings.Replace(theme.name, "phone", "light", 1))
		for _, page := range pagesOfDashboard(backends[0]) {
			b.open(page[0], page[1])
			if page[0] == "requests" {
				b.write("main select", "newest")
				get(t, p.url("/seen")).wantStatus(t, 200)
				b.click("//main", "Filter")
			}
			b.says("main", page[2])
			b.sees("document.documentElement.scrollWidth <= innerWidth") // nothing is beyond the edge
			name, _, _ := strings.Cut(strings.Replace(page[0], "config/", "config-", 1), "/")
			if theme.name != "phone" { // it has the elements and colours of the first one
				b.isAccessible(theme.name + " " + name)
			}
			b.shoot(name + "-" + theme.name)
		}
	}
}

func TestDashboardChangesBackends(t *testing.T) {
	t.Parallel()
	configuration, backends := shopConfig(t)
	p := start(t, configuration)
	b := openTab(t, p.admin)
	address := backends[0].address
	becomes := func(want string) {
		t.Helper()
		eventually(t, "the backend", func() string {
			a := get(t, "http://"+p.admin+"/api/v1/pools/p")
			if _, text, found := strings.Cut(string(a.body), address); !found || !strings.Contains(text, want) {
				return string(a.body)
			}
			return ""
		})
	}

	b.open("backend/p/"+strings.ReplaceAll(address, ":", "%3A"), address)
	b.click("//main", "Drain")
	b.says("dialog", "takes nothing new")
	b.isAccessible("a question")
	b.answer("Cancel")
	becomes(`"state":"enabled"`)

	b.click("//main", "Drain")
	b.answer("Drain")
	b.says("main", "Different at run time: drain")
	becomes(`"state":"drain"`)
	b.click("//main", "Enable")
	b.answer("Enable")
	becomes(`"state":"enabled"`)
	b.click("//main", "Disable")
	b.write("dialog select", "10m")
	b.answer("Disable")
	b.says("main", "Different at run time: disabled until")
	becomes(`"state":"disabled"`)

	b.write("#weight", "7")
	b.click("//main", "Change the weight")
	b.says("dialog", "From 1 to 7.")
	b.answer("Change")
	becomes(`"weight":7`)
	b.click("//main", "Clear")
	b.answer("Clear")
	b.says("main", "It is as the configuration says.")
	becomes(`"weight":1,`)

	// An error of the API is shown as it was said: somebody else has taken the backend out.
	b.click("//main", "Drain")
	exchange(t, request(t, "DELETE", "http://"+p.admin+"/api/v1/pools/p/backends/"+address, "")).wantStatus(t, 200)
	b.click("//dialog", "Drain")
	b.says("dialog .problem", "404 Not Found")
	b.says("dialog .problem", "there is only "+backends[1].address)
	b.answer("Cancel")
	b.says("main", "No pool p has this backend now.")
}

func TestDashboardEditsTheConfiguration(t *testing.T) {
	t.Parallel()
	configuration, _ := shopConfig(t)
	p := start(t, configuration)
	b := openTab(t, p.admin)
	b.open("config/edit", "Configuration")
	b.says("main", "Valid, and what runs.")
	b.run(chromedp.Evaluate(`window.before = document.querySelector("textarea").value`, nil))
	edit := func(from, to string) {
		t.Helper()
		b.run(chromedp.Evaluate(fmt.Sprintf(`(() => { const e = document.querySelector("textarea"); e.value = before.replace(%q, %q);
			e.dispatchEvent(new Event("input")); })()`, from, to), nil))
	}

	edit("status: 204", "statsu: 204")
	b.says("main .problem", `did you mean "status"?`)
	b.says("main .problem button", "line ")
	edit("status: 204", "status: 410")
	b.says(".diff", "routes.never.respond.status")
	b.click("//main", "Plan")
	b.says("main", "Plan: nothing was done")
	get(t, p.url("/never")).wantStatus(t, 204)

	b.click("//main", "Apply…")
	b.answer("Apply")
	b.says("#banner", "Generation 2 by local waits for its confirmation")
	get(t, p.url("/never")).wantStatus(t, 410)
	b.shoot("config-pending")
	b.click("//*[@id='banner']", "Confirm")
	b.sees(`document.querySelector("#banner").innerText === ""`)
	b.says("#toasts", "Generation 2 stays.")

	b.open("config/history", "Configuration")
	b.says("main", "2 (runs)")
	b.clickOn(`button[aria-label="Look at generation 2"]`)
	b.says("dialog", "routes.never.respond.status")
	b.answer("Close")
	b.clickOn(`button[aria-label="Roll back to generation 1"]`)
	b.answer("Roll back")
	b.says("main", "3 (runs)")
	get(t, p.url("/never")).wantStatus(t, 204)

	b.open("config/why", "Configuration")
	b.write("main form input", "pools.p.algorithm")
	b.click("//main", "Where from?")
	b.says("main dl", "round_robin")
}
