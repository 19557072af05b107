package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
)

// reload is refused, or leaves a key, as a test asks.
func (p *proxy) reload(*ctl.Reload) (api.ReloadResult, error) {
	return p.reloaded, p.refused
}

// ask runs one command line.
func ask(p *proxy, line string) (code int, stdout, stderr string) {
	o := run(p, nil, strings.Fields(line)...)
	return o.code, o.stdout, o.stderr
}

// TestRefusalIsAValue runs commands that are refused with -o json: the problem
// document is on stdout, the text for people on stderr.
func TestRefusalIsAValue(t *testing.T) {
	p := startProxy(t, "")
	p.refused = config.Problems{{Origin: config.Origin{File: "isame.yaml", Line: 6, Col: 3}, Path: "pools.x", Message: "has no backends"}}
	for _, c := range []struct {
		args   string
		status int
		want   string
	}{
		{"reload", 422, "isame.yaml:6:3: pools.x: has no backends"},
		{"pools nowhere", 404, "nowhere"},
		{"backends drain nobody:1", 404, "nobody:1"},
	} {
		t.Run(c.args, func(t *testing.T) {
			code, stdout, stderr := ask(p, c.args+" -o json")
			var got api.Problem
			if err := json.Unmarshal([]byte(stdout), &got); err != nil {
				t.Fatalf("stdout is no problem document: %v: %q", err, stdout)
			}
			if code != ExitFailed || got.Status != c.status || !strings.Contains(got.Error(), c.want) || !strings.Contains(stderr, c.want) {
				t.Errorf("got exit %d, %+v, stderr %q; want exit 1, status %d and %q", code, got, stderr, c.status, c.want)
			}
		})
	}
	if _, stdout, _ := ask(p, "reload -o yaml"); !strings.Contains(stdout, "status: 422\n") {
		t.Errorf("got %q; want the problem document as YAML", stdout)
	}
	if _, stdout, _ := ask(p, "reload"); stdout != "" {
		t.Errorf("got %q; want nothing on stdout", stdout)
	}
}

func TestReloadSaysWhatNeedsARestart(t *testing.T) {
	p := startProxy(t, "")
	p.reloaded.RestartNeeded = []api.ConfigProblem{{Path: "admin.address", Text: "isame.yaml:1:1: admin.address: cannot be changed by a reload"}}
	code, stdout, _ := ask(p, "reload")
	if want := "not in effect before a restart: isame.yaml:1:1: admin.address: "; code != ExitDone || !strings.Contains(stdout, want) {
		t.Errorf("got exit %d, %q; want 0 and %q", code, stdout, want)
	}
}

func TestMisspeltNamesAreGuessed(t *testing.T) {
	p := startProxy(t, "")
	for args, want := range map[string]string{
		"pools apii":                     `did you mean "api"?`,
		"backends list --pool statc":     `did you mean "static"?`,
		"backends drain 10.0.0.1:808":    "isame-ctl backends list",
		"backends drain x:1 --pool apii": `did you mean "api"?`,
	} {
		if code, _, stderr := ask(p, args); code != ExitFailed || !strings.Contains(stderr, want) {
			t.Errorf("%s: got exit %d, %q; want 1 and %q", args, code, stderr, want)
		}
	}
}

// TestSilentColumnsMakeRoom draws a table that would be too wide: columns without
// text never stand, those that say nothing go before anything is cut.
func TestSilentColumnsMakeRoom(t *testing.T) {
	list := []api.RouteStatus{
		{Name: "shop", RoutePredicates: api.RoutePredicates{Hosts: []string{"shop.example.com", "www.shop.example.com"}, Path: api.PathMatch{Kind: api.PathPrefix, Value: "/checkout"}}, Action: api.Action{Pool: "checkout"}},
		{Name: "rest", RoutePredicates: api.RoutePredicates{Path: api.PathMatch{Kind: api.PathAny}}, Action: api.Action{Pool: "rest"}},
	}
	s := &screen{width: 80}
	showRoutes(s, list)
	text := s.buf.String()
	if !strings.Contains(text, "shop.example.com,www.shop.example.com") || strings.Contains(text, "MIDDLEWARE") || strings.Contains(text, "…") {
		t.Errorf("got\n%s\nwant the hosts whole, and no column without text", text)
	}
	if !strings.Contains(text, titleRequests) {
		t.Errorf("got\n%s\nwant the requests kept: there is room", text)
	}
}
