package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestDashboardLogsIn(t *testing.T) {
	p := start(t, strings.Replace(responding(201), `admin: {address: "127.0.0.1:0"}`,
		`admin: {address: "127.0.0.1:0", tokens: [{name: eyes, role: read, secret: secret-11aa}]}`, 1))
	b := openTab(t, p.admin)
	b.says("main", "Log in")
	b.isAccessible("login")
	b.shoot("login")
	b.write("main input", "wrong")
	b.click("//main", "Log in")
	b.says("main .problem", "the token is none of admin.tokens")
	b.write("main input", "secret-11aa")
	b.click("//main", "Log in")
	b.says("h1", "Overview")
	b.says("header", "eyes (read)")

	// What the role may not do is refused by the API, and said.
	b.open("requests", "Requests")
	b.says("main .problem", "role observe is needed")
	b.click("//header", "Log out")
	b.says("h1", "Log in")
	var kept string
	b.run(chromedp.Evaluate(`JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])`, &kept))
	if strings.Contains(kept, "secret-11aa") {
		t.Errorf("the page keeps the token: %s", kept)
	}
}

// TestDashboardComesBack ends the process under an open page, and starts it anew at its address.
func TestDashboardComesBack(t *testing.T) {
	t.Parallel()
	p := start(t, responding(201))
	b := openTab(t, p.admin)
	b.says("main dd", "MiB")
	p.end()
	b.says("#banner", "The connection to "+p.admin+" was lost")
	b.shoot("lost")
	again := launch(t, p.file, "--set", "admin.address="+p.admin)
	again.waitReady()
	b.sees(`document.querySelector("#banner").innerText === ""`)
	b.says("#toasts", "The connection is back.")
}

// TestDashboardScrollsLongLists has ten thousand routes and a thousand backends: only what is
// seen is on the page, and every one of them is found. Under the race detector the start with
// so many takes longer than patience on a busy machine; a tenth is beyond any window as well.
func TestDashboardScrollsLongLists(t *testing.T) {
	t.Parallel()
	routes, all := 10_000, "10,000 of 10,000 routes"
	if raceEnabled {
		routes, all = 1000, "1,000 of 1,000 routes"
	}
	var text strings.Builder
	text.WriteString(header + "routes:\n")
	for i := range routes {
		fmt.Fprintf(&text, "  r%05d: {path: /r%d, pool: p}\n", i, i)
	}
	text.WriteString("pools:\n  p:\n    backends:\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "      - {address: \"127.0.1.%d:%d\"}\n", 1+i%250, 2000+i)
	}
	p := start(t, text.String())
	b := openTab(t, p.admin)
	for _, c := range []struct{ page, title, all, last, one string }{
		{"routes", "Routes", all, fmt.Sprintf("r%05d", routes-1), "r00555"},
		{"pools", "Pools and backends", "1,000 of 1,000 backends", ":2999", ":2555"},
	} {
		b.open(c.page, c.title)
		b.says("main", c.all)
		b.sees(`document.querySelectorAll("tbody tr").length < 80`)
		b.run(chromedp.Evaluate(`(() => { const e = document.querySelector(".scroll.tall"); e.scrollTop = e.scrollHeight; })()`, nil))
		b.sees(`document.querySelector(".scroll.tall").scrollTop > 10000 && document.querySelectorAll("tbody tr").length < 80`)
		if c.page == "routes" {
			b.says("tbody", c.last)
		}
		b.write("main input", c.one)
		b.says("main", "1 of 1")
		b.says("tbody", c.one)
		var took float64
		b.run(chromedp.Evaluate(`(() => { const e = document.querySelector("main input"); const began = performance.now();
			for (const text of ["", "1", "12", ""]) { e.value = text; e.dispatchEvent(new Event("input")); } return (performance.now() - began) / 4; })()`, &took))
		t.Logf("%s: a keystroke in the filter takes %.1f ms", c.page, took)
	}
}
