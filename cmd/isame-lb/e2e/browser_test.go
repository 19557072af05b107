package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	devlog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// tab is one page of a real Chromium. Whatever goes wrong in its scripts, or is refused by the
// policy of the page, fails the test.
type tab struct {
	t     *testing.T
	ctx   context.Context //nolint:containedctx // chromedp keeps the browser in it
	admin string
	mu    struct {
		sync.Mutex
		faults []string
	}
}

// openTab starts a browser with the dashboard of a process.
func openTab(t *testing.T, admin string) *tab {
	t.Helper()
	chromium := needProgram(t, "chromium", "chromium")
	home, err := os.MkdirTemp("", "isame-tab-") //nolint:usetesting // it is removed while somebody may still write, again and again
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // some of its processes outlive the first one, and write
		eventually(t, "the files of the browser are gone", func() string {
			if err := os.RemoveAll(home); err != nil {
				return err.Error()
			}
			return ""
		})
	})
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.UserDataDir(home),
		chromedp.Flag("no-proxy-server", true), chromedp.Env("HOME="+home), chromedp.WSURLReadTimeout(time.Minute))
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator, chromedp.WithErrorf(func(string, ...any) {})) // it does not know every event of a newer browser
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, admin: admin}
	chromedp.ListenTarget(ctx, b.hear)
	b.run(devlog.Enable())
	b.look(1280, 900, "light")
	b.run(chromedp.Navigate("http://" + admin + "/"))
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, fault := range b.mu.faults {
			t.Errorf("the page: %s", fault)
		}
	})
	return b
}

// hear keeps what goes wrong in the page. Answers that are no success are what a test asks for.
func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.mu.faults = append(b.mu.faults, e.ExceptionDetails.Error())
	case *devlog.EventEntryAdded:
		if e.Entry.Level == devlog.LevelError && e.Entry.Source != devlog.SourceNetwork {
			b.mu.faults = append(b.mu.faults, e.Entry.Text)
		}
	}
}

// run does something in the browser, within patience.
func (b *tab) run(actions ...chromedp.Action) {
	b.t.Helper()
	if err := b.try(actions...); err != nil {
		b.t.Fatalf("the browser: %v\nthe page says:\n%s", err, b.text())
	}
}

func (b *tab) try(actions ...chromedp.Action) error {
	if chromedp.FromContext(b.ctx).Target == nil { // its first context is the browser's life
		if err := chromedp.Run(b.ctx); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(b.ctx, 2*patience)
	defer cancel()
	return chromedp.Run(ctx, actions...)
}

// text is what the page says, for a failure.
func (b *tab) text() (text string) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, chromedp.Evaluate("document.body.innerText", &text)); err != nil {
		return err.Error()
	}
	return text
}

// look sets the size of the window and the theme.
func (b *tab) look(width, height int64, theme string) {
	b.t.Helper()
	b.run(emulation.SetDeviceMetricsOverride(width, height, 1, width < 500),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}))
}

// open turns to a page of the dashboard.
func (b *tab) open(page, title string) {
	b.t.Helper()
	b.run(chromedp.Evaluate(fmt.Sprintf("location.hash = %q", "#/"+page), nil))
	b.sees(fmt.Sprintf(`document.querySelector("h1")?.textContent === %q`, title))
}

// sees waits until an expression holds in the page.
func (b *tab) sees(expression string) {
	b.t.Helper()
	if err := b.try(chromedp.Poll(expression, nil, chromedp.WithPollingTimeout(patience))); err != nil {
		b.t.Fatalf("never seen: %s: %v\nthe page says:\n%s", expression, err, b.text())
	}
}

// says waits until the page, or what selector finds in it, has a text.
func (b *tab) says(selector, text string) {
	b.t.Helper()
	b.sees(fmt.Sprintf("[...document.querySelectorAll(%q)].some((e) => e.innerText.includes(%q))", selector, text))
}

// click clicks on the button or link with a text, inside of what an XPath finds.
func (b *tab) click(inside, text string) {
	b.t.Helper()
	path := fmt.Sprintf(`%s//*[self::button or self::a][normalize-space()=%q and not(@disabled)]`, inside, text)
	b.clickOn(path, chromedp.BySearch)
}

// clickOn clicks on an element. One that the page has drawn anew between the look for it and
// the mouse is looked for again: a user points at what is there.
func (b *tab) clickOn(selector string, how ...chromedp.QueryOption) {
	b.t.Helper()
	err := b.try(chromedp.Click(selector, how...))
	for late := time.Now().Add(patience); err != nil && strings.Contains(err.Error(), "Could not find node") && time.Now().Before(late); {
		err = b.try(chromedp.Click(selector, how...))
	}
	if err != nil {
		b.t.Fatalf("cannot click on %s: %v\nthe page says:\n%s", selector, err, b.text())
	}
}

// answer clicks on a button of the dialog, which then is done and goes.
func (b *tab) answer(text string) {
	b.t.Helper()
	b.click("//dialog", text)
	b.sees(`document.querySelector("dialog") === null`)
}

// write puts a text into a field as a user would see it done, and lets the page know.
func (b *tab) write(selector, text string) {
	b.t.Helper()
	b.sees(fmt.Sprintf("document.querySelector(%q) !== null", selector))
	b.run(chromedp.Evaluate(fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.value = %q;
		e.dispatchEvent(new Event("input", { bubbles: true })); e.dispatchEvent(new Event("change", { bubbles: true })); })()`, selector, text), nil))
}

// shoot keeps a picture of the page beside the other artefacts of the test.
func (b *tab) shoot(name string) {
	b.t.Helper()
	var picture []byte
	b.run(chromedp.CaptureScreenshot(&picture))
	if len(picture) < 2000 {
		b.t.Errorf("%s: the picture has %d bytes; want one of the page", name, len(picture))
	}
	if err := os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+".png"), picture, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// barrier is what axe-core finds.
type barrier struct {
	ID     string   `json:"id"`
	Impact string   `json:"impact"`
	Help   string   `json:"help"`
	Nodes  []string `json:"nodes"`
}

// isAccessible runs axe-core on the page as it is.
func (b *tab) isAccessible(name string) {
	b.t.Helper()
	source, err := os.ReadFile("testdata/axe/axe.min.js")
	if err != nil {
		b.t.Fatal(err)
	}
	var text string
	b.run(chromedp.Evaluate(string(source)+";0", nil), chromedp.Evaluate(`axe.run(document, { resultTypes: ["violations"] }).then((r) =>
		JSON.stringify(r.violations.map((v) => ({ id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map((n) => n.html) }))))`, &text,
		func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	var found []barrier
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		b.t.Fatal(err)
	}
	for _, f := range found {
		if f.Impact == "serious" || f.Impact == "critical" {
			b.t.Errorf("%s: %s (%s): %s\n%s", name, f.ID, f.Impact, f.Help, strings.Join(f.Nodes[:min(3, len(f.Nodes))], "\n"))
		}
	}
}
