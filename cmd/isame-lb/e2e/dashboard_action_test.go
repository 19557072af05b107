package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestDashboardExplainsAndTaps: explain with an answer and a refusal; the tap, live, with a filter, held
// and gone on, and a click that says why; and what the recorder keeps.
func TestDashboardExplainsAndTaps(t *testing.T) {
	t.Parallel()
	configuration, _ := shopConfig(t)
	p := start(t, configuration)
	b := openTab(t, p.admin)
	b.open("explain", "Explain a request")
	b.write("main form input[size='42']", "http://shop.example/never")
	b.click("//main", "Explain")
	b.says("main", "never")
	b.isAccessible("an explanation")
	b.write("main form input[size='42']", "gopher://x")
	b.click("//main", "Explain")
	b.says("main .problem", "422")

	b.open("requests", "Requests")
	b.says("main", "Nothing has come yet.")
	eventually(t, "the tap", func() string { // it shows what ends once it is open
		get(t, p.url("/tapped")).wantStatus(t, 200)
		rows := 0
		b.run(chromedp.Evaluate(`document.querySelectorAll("tbody tr.pick").length`, &rows))
		if rows == 0 {
			return "no row"
		}
		return ""
	})
	b.says("tbody", "/tapped")
	b.click("//main", "Pause")
	b.says("main button", "Go on")
	b.clickOn("tbody tr.pick button")
	b.says("dialog", "Whose doing")
	b.isAccessible("why")
	b.answer("Close")
	b.click("//main", "Go on")

	// A name that nobody has is refused, and said.
	b.write("main input", "nobody")
	b.click("//main", "Filter")
	b.says("main .problem", `there is no route "nobody"`)
}

// TestDashboardSaysWhatTheAPIRefuses, for the actions that others may have made impossible.
func TestDashboardSaysWhatTheAPIRefuses(t *testing.T) {
	t.Parallel()
	configuration, backends := shopConfig(t)
	p := start(t, configuration)
	b := openTab(t, p.admin)
	gone := func() {
		t.Helper()
		exchange(t, request(t, http.MethodDelete, "http://"+p.admin+"/api/v1/pools/p/backends/"+backends[0].address, "")).wantStatus(t, 200)
	}
	b.open("backend/p/"+strings.ReplaceAll(backends[0].address, ":", "%3A"), backends[0].address)
	b.sees(`document.querySelector("#weight").value === "1"`)
	b.write("#weight", "70000") // more than there is
	b.run(chromedp.Evaluate(`document.querySelector("main form").noValidate = true`, nil))
	b.click("//main", "Change the weight")
	b.click("//dialog", "Change")
	b.says("dialog .problem", "422")
	b.answer("Cancel")
	b.click("//main", "Disable")
	gone()
	b.click("//dialog", "Disable")
	b.says("dialog .problem", "404")
	b.answer("Cancel")
	b.says("main", "No pool p has this backend now.")

	// Somebody else has changed the configuration meanwhile.
	b.open("config/edit", "Configuration")
	b.says("main", "Valid, and what runs.")
	b.run(chromedp.Evaluate(`(() => { const e = document.querySelector("textarea"); e.value = e.value.replace("204", "410"); e.dispatchEvent(new Event("input")); })()`, nil))
	b.says(".diff", "routes.never.respond.status")
	p.reload(strings.Replace(configuration, "status: 204", "status: 418", 1), "applied")
	b.click("//main", "Apply…")
	b.click("//dialog", "Apply")
	b.says("dialog .problem", "stale_etag")
	b.answer("Cancel")
	get(t, p.url("/never")).wantStatus(t, 418)
}

// TestDashboardSaysWhatTheAPIRefusesOfTrials: a trial that somebody else ended, a way back to another
// generation meanwhile, and an override that was cleared elsewhere.
func TestDashboardSaysWhatTheAPIRefusesOfTrials(t *testing.T) {
	t.Parallel()
	configuration, backends := shopConfig(t)
	p := start(t, configuration)
	p.reload(strings.Replace(configuration, "status: 204", "status: 418", 1), "applied")
	b := openTab(t, p.admin)
	api := func(method, path, body string, want int, fields ...string) {
		t.Helper()
		if body != "" {
			fields = append(fields, "Content-Type", "application/json")
		}
		exchange(t, request(t, method, "http://"+p.admin+"/api/v1/"+path, body, fields...)).wantStatus(t, want)
	}
	api("PUT", "config/routes/never?confirm=10m", `{"path": "/never", "respond": {"status": 410}}`, 200, "If-Match", "*")
	b.says("#banner", "Generation 3")

	// Generation 2 comes back by itself: only that one may be asked for now.
	b.open("config/history", "Configuration")
	b.says("main", "3 (runs)")
	b.clickOn(`button[aria-label="Roll back to generation 1"]`)
	b.click("//dialog", "Roll back")
	b.says("dialog .problem", "confirm_pending")
	b.isAccessible("a refused way back")
	b.answer("Cancel")
	get(t, p.url("/never")).wantStatus(t, 410)

	// A click that is on its way while somebody else confirms.
	b.run(chromedp.Evaluate(`window.late = [...document.querySelectorAll("#banner button")].find((e) => e.innerText === "Confirm")`, nil))
	api("POST", "config/confirm", `{"generation": 3}`, 200, "Connection", "close")
	b.sees(`document.querySelector("#banner").innerText === ""`)
	b.run(chromedp.Evaluate(`late.click()`, nil))
	b.says("#toasts .problem", "409")
	b.isAccessible("a refused confirmation")
	b.click("//*[@id='toasts']", "Dismiss")
	b.sees(`document.querySelector("#toasts .problem") === null`)

	api("PATCH", "pools/p/backends/"+backends[0].address, `{"weight": 4}`, 200)
	b.open("backend/p/"+strings.ReplaceAll(backends[0].address, ":", "%3A"), backends[0].address)
	b.click("//main", "Clear")
	api("DELETE", "overlay", "", 200)
	b.click("//dialog", "Clear")
	b.says("dialog .problem", "404")
	b.isAccessible("a refused clearing")
	b.answer("Cancel")
	b.says("main", "It is as the configuration says.")
}
