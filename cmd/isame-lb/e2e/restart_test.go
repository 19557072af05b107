package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// TestReloadNamesWhatNeedsARestart changes a key that is read at the start only,
// beside one that a reload applies.
func TestReloadNamesWhatNeedsARestart(t *testing.T) {
	p := start(t, responding(201))
	changed := strings.Replace(responding(202), `admin: {address: "127.0.0.1:0"}`, `admin: {address: "127.0.0.1:1"}`, 1) + "metrics: {path: /elsewhere}\n"
	if !strings.Contains(changed, "127.0.0.1:1") {
		t.Fatal("the configuration is as before")
	}
	replaceFile(t, p.file, changed)
	for n := range 2 { // it stays so however often one asks
		a := exchange(t, request(t, http.MethodPost, "http://"+p.admin+"/api/v1/reload", "", "Content-Type", "application/json")).wantStatus(t, 200)
		var result struct {
			RestartNeeded []struct {
				Path string `json:"path"`
				Text string `json:"text"`
			} `json:"restart_needed"`
		}
		if err := json.Unmarshal(a.body, &result); err != nil {
			t.Fatal(err)
		}
		if got := result.RestartNeeded; len(got) != 2 || got[0].Path != "admin.address" || got[1].Path != "metrics.path" ||
			!strings.Contains(got[0].Text, p.file+":3:") {
			t.Errorf("reload %d: got %s; want admin.address and metrics.path with their place", n, a.body)
		}
	}
	get(t, p.url("/")).wantStatus(t, 202)
	if code, out := ctl(t, p.admin, "reload"); code != 0 || !strings.Contains(out, "not in effect before a restart: ") || !strings.Contains(out, "admin.address") {
		t.Errorf("isame-ctl reload: got exit %d, %q; want 0 and the key", code, out)
	}
	if code, out := ctl(t, p.admin, "status"); code != 0 || !strings.Contains(out, "restart: admin.address") {
		t.Errorf("isame-ctl status: got exit %d, %q; want the key", code, out)
	}
	if a := get(t, "http://"+p.admin+"/api/v1/config?view=effective", "Accept", "application/yaml"); strings.Contains(string(a.body), "elsewhere") || !strings.Contains(string(a.body), "127.0.0.1:0") {
		t.Errorf("the configuration shows what is not in effect:\n%s", a.body)
	}
	line := p.log.find("configuration reloaded, but for the keys above")
	if line == nil || line["level"] != "warn" || line["restart_needed"] != nil || p.log.find("cannot be changed by a reload", "key", "admin.address") == nil {
		t.Errorf("got %v in the log; want a warning behind one line for each key", line)
	}
	p.reload(responding(203), "applied")
	if code, out := ctl(t, p.admin, "reload"); code != 0 || strings.Contains(out, "restart") {
		t.Errorf("got exit %d, %q; want a plain success once the file says what runs", code, out)
	}
}

// TestRefusalSpeaksOfWhatWasSent adds backends that cannot be.
func TestRefusalSpeaksOfWhatWasSent(t *testing.T) {
	p := start(t, toPool(newBackends(t, 1)[0]))
	for args, want := range map[string]string{
		"foo":                    `address: "foo" is not host:port`,
		"1.2.3.4:80 --weight -1": "weight: must be between 0 and 65535",
	} {
		code, out := ctl(t, p.admin, append([]string{"backends", "add", "--pool", "p"}, strings.Fields(args)...)...)
		if code != 1 || !strings.Contains(out, want) || strings.Contains(out, "pools.pool") || strings.Contains(out, "request") {
			t.Errorf("add %s: got exit %d, %q; want 1 and %q without places nobody has written", args, code, out, want)
		}
	}
}
