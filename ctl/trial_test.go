package ctl

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/ledger"
	"github.com/isame-lb/isame-lb/pool/stat"
)

const confirmPath = "/api/v1/config/confirm"

// try applies a configuration that has to be confirmed within a minute.
func (k *keeper) try(text, more string) api.Applied {
	k.t.Helper()
	return decoded[api.Applied](k.t, k.ask("PUT", "/api/v1/config?confirm=60s"+more, text, "If-Match: *"), 200)
}

// configState is status.config.
func (k *keeper) configState() api.ConfigState { return k.ledger.State() }

func outcomes(list []api.Generation) (words []string) {
	for i := range list {
		words = append(words, list[i].Outcome)
	}
	return words
}

func TestUnconfirmedChangeIsRolledBack(t *testing.T) {
	k := started(t, plainConfig)
	a := k.try(weight("2"), "&message=try")
	if a.Generation != 2 || a.Previous != 1 || a.ConfirmBefore == nil || time.Until(*a.ConfirmBefore) > time.Minute ||
		*a.AbortErrorPercent != ledger.AbortErrorPercent || *a.AbortP99Factor != ledger.AbortP99Factor {
		t.Errorf("got %+v; want generation 2, what comes back, until when, and what ends it early", a)
	}
	k.runs(2)
	if p := k.configState().Pending; p == nil || p.Generation != 2 || p.Previous != 1 || p.Author != "local" {
		t.Errorf("got %+v; want what waits", p)
	}
	if n := k.fire(time.Minute); n != 1 {
		t.Fatalf("got %d clocks of a minute; want one", n)
	}
	k.runs(1)
	if s := k.configState(); s.Pending != nil || s.Drift || s.Source != api.SourceRollback {
		t.Errorf("got %+v; want nothing waiting, and what the file says", s)
	}
	list := decoded[[]api.Generation](t, k.ask("GET", "/api/v1/config/history", ""), 200)
	if got, want := outcomes(list), []string{"applied", "rolled_back", "applied"}; !slices.Equal(got, want) {
		t.Fatalf("got %v; want %v", got, want)
	}
	if back := list[0]; back.Generation != 3 || back.Trigger != "rollback" || back.Author != ledger.Self || back.Restored != 1 || back.Message == "" {
		t.Errorf("got %+v; want the rollback with its reason", back)
	}
	if tried := list[1]; tried.Message != "try" || tried.Reason == "" || tried.Author != "local" {
		t.Errorf("got %+v; want what was tried, and why it ended", tried)
	}
}

func TestConfirmNeedsANewConnection(t *testing.T) {
	k := started(t, plainConfig)
	c := dial(t, k.server)
	r := bufio.NewReader(c)
	if got := sameConnection(t, k, c, r, "GET", "/api/v1/config", "", ""); got.status != 200 || got.header.Get("Connection") == "close" {
		t.Fatalf("got %d %v; want an open connection", got.status, got.header)
	}
	other := dial(t, k.server) // opened before the change as well
	ro := bufio.NewReader(other)
	_ = sameConnection(t, k, other, ro, "GET", "/health", "", "")
	put := sameConnection(t, k, c, r, "PUT", "/api/v1/config?confirm=60s", "If-Match: *\r\nContent-Type: application/yaml\r\n", weight("2"))
	if put.status != 200 || put.header.Get("Connection") != "close" {
		t.Fatalf("got %d %v; want the answer to end its connection", put.status, put.header)
	}
	old := sameConnection(t, k, other, ro, "POST", confirmPath, jsonBody, `{"generation":2}`)
	refusedWith(t, old, 409, api.CodeConfirmPending)
	refusedWith(t, k.ask("POST", confirmPath, `{"generation":1}`), 409, api.CodeConfirmPending)
	if a := decoded[api.Applied](t, k.ask("POST", confirmPath, `{"generation":2}`), 200); a.Generation != 2 {
		t.Errorf("got %+v; want generation 2", a)
	}
	if k.fire(time.Minute) != 0 {
		t.Error("the clock runs on after the confirmation")
	}
	k.runs(2)
	refusedWith(t, k.ask("POST", confirmPath, `{"generation":2}`), 409, api.CodeNotFound)
}

func TestOneTrialAtATime(t *testing.T) {
	k := started(t, plainConfig)
	k.try(weight("2"), "")
	p := refusedWith(t, k.ask("PUT", "/api/v1/config", weight("3"), "If-Match: *"), 409, api.CodeConfirmPending)
	if p.Pending == nil || p.Pending.Author != "local" || p.Pending.ConfirmBefore.IsZero() {
		t.Errorf("got %+v; want who, and until when", p.Pending)
	}
	refusedWith(t, k.ask("POST", "/api/v1/reload", ""), 409, api.CodeConfirmPending)
	refusedWith(t, k.ask("DELETE", "/api/v1/config/routes/all", "", "If-Match: *"), 409, api.CodeConfirmPending)
	if got := k.ask("PUT", "/api/v1/config?dry_run=1", weight("3")); got.status != 200 {
		t.Errorf("dry run: got %d; want 200", got.status)
	}
	a := decoded[api.Applied](t, k.ask("PUT", "/api/v1/config?confirm=60s&replace=1", weight("3"), "If-Match: *"), 200)
	if a.Generation != 3 || a.Previous != 1 {
		t.Errorf("got %+v; want what was confirmed to come back", a)
	}
	k.fire(time.Minute)
	k.runs(1)
	k.try(weight("4"), "")
	if a := decoded[api.Applied](t, k.ask("PUT", "/api/v1/config?replace=1", weight("5"), "If-Match: *"), 200); a.ConfirmBefore != nil {
		t.Errorf("got %+v; want nothing to confirm", a)
	}
	if n := k.fire(time.Minute); n != 0 {
		t.Errorf("%d clocks run on", n)
	}
	k.runs(5)
}

func TestRollbackEndsATrial(t *testing.T) {
	k := started(t, plainConfig)
	k.try(weight("2"), "")
	a := decoded[api.Applied](t, k.ask("POST", "/api/v1/config/rollback?message=no", ""), 200)
	if a.Generation != 3 || k.configState().Pending != nil || k.fire(time.Minute) != 0 {
		t.Errorf("got %+v, %+v; want it ended", a, k.configState())
	}
	k.runs(1)
}

// TestFileWaitsForTheEndOfATrial changes the file meanwhile.
func TestFileWaitsForTheEndOfATrial(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(k *keeper)
	}{
		{"confirmed", func(k *keeper) { decoded[api.Applied](k.t, k.ask("POST", confirmPath, `{"generation":2}`), 200) }},
		{"rolled back", func(k *keeper) { k.fire(time.Minute) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := started(t, plainConfig)
			k.try(weight("2"), "")
			k.write(weight("7"))
			if out, err := k.signal(); err != nil || !out.Unchanged {
				t.Errorf("got %+v, %v; want nothing changed yet", out, err)
			}
			k.runs(2)
			c.end(k)
			k.runs(7)
			if s := k.configState(); s.Source != api.SourceFile || s.Drift {
				t.Errorf("got %+v; want the file", s)
			}
		})
	}
}

func TestRestartKeysCannotBeTried(t *testing.T) {
	k := started(t, plainConfig)
	text := weight("2") + "metrics: {path: /m}\n"
	p := refusedWith(t, k.ask("PUT", "/api/v1/config?confirm=60s", text, "If-Match: *"), 422, api.CodeInvalid)
	if !strings.Contains(p.Detail, "metrics.path") {
		t.Errorf("got %+v; want the key", p)
	}
	if a := k.put(text); len(a.RestartNeeded) != 1 {
		t.Errorf("got %+v; want metrics.path to need a restart", a)
	}
	k.try(strings.Replace(text, "weight: 2", "weight: 3", 1), "") // it says so already
	k.runs(3)
}

// TestTrialEndsEarly has exchanges fail, or take longer.
func TestTrialEndsEarly(t *testing.T) {
	traffic := func(requests, failed, slow uint64) (l ledger.Live) {
		l.Requests, l.Failed = requests, failed
		fast, late := stat.NewHistogram(1), stat.NewHistogram(1)
		fast.Observe(0, time.Millisecond)
		late.Observe(0, time.Second)
		for i, n := range fast.Snapshot().Cells {
			l.Durations.Cells[i] = n*(requests-slow) + late.Snapshot().Cells[i]*slow
		}
		return l
	}
	for _, c := range []struct {
		name, query string
		then        ledger.Live // 1,000 good and fast ones came before
		want        int
	}{
		{"good", "", traffic(2000, 0, 0), 2},
		{"failing", "", traffic(1100, 50, 0), 1},
		{"failing, which nobody asked about", "&abort_error_percent=0", traffic(1100, 50, 0), 2},
		{"failing a little more than allowed", "&abort_error_percent=5", traffic(1100, 10, 0), 1},
		{"too few to say", "", traffic(1010, 10, 0), 2},
		{"slow", "", traffic(2000, 0, 500), 1},
		{"slow, which nobody asked about", "&abort_p99_factor=0", traffic(2000, 0, 500), 2},
		{"a few slow ones", "", traffic(2000, 0, 5), 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := started(t, plainConfig)
			set := func(l ledger.Live) {
				k.mu.Lock()
				defer k.mu.Unlock()
				k.live = l
			}
			set(traffic(1000, 0, 0))
			k.try(weight("2"), c.query)
			k.fire(time.Second)
			k.runs(2)
			set(c.then)
			k.fire(time.Second)
			k.runs(c.want)
			if c.want == 1 && k.fire(time.Minute)+k.fire(time.Second) != 0 {
				t.Error("a clock runs on")
			}
		})
	}
}

// TestTrialThatCannotBeRolledBackIsTriedAgain has the engine refuse the one before.
func TestTrialThatCannotBeRolledBackIsTriedAgain(t *testing.T) {
	k := started(t, plainConfig)
	k.try(weight("2"), "")
	k.refuseWith(os.ErrPermission)
	k.fire(time.Minute)
	k.runs(2)
	if k.configState().Pending == nil {
		t.Fatal("the trial ended without its rollback")
	}
	k.refuseWith(nil)
	if n := k.fire(5 * time.Second); n != 1 {
		t.Fatalf("got %d clocks; want another try", n)
	}
	k.runs(1)
}

func TestRollback(t *testing.T) {
	k := started(t, plainConfig)
	k.put(weight("2"))
	k.put(weight("3"))
	roll := func(body string) api.Applied {
		t.Helper()
		return decoded[api.Applied](t, k.ask("POST", "/api/v1/config/rollback", body), 200)
	}
	if a := roll(""); a.Generation != 4 || a.Unchanged {
		t.Errorf("got %+v; want generation 4", a)
	}
	k.runs(2)
	roll("") // further back, not to what was left
	k.runs(1)
	roll(`{"generation":3}`)
	k.runs(3)
	if a := roll(`{"generation":3}`); !a.Unchanged {
		t.Errorf("got %+v; want nothing to do", a)
	}
	refusedWith(t, k.ask("POST", "/api/v1/config/rollback", `{"generation":99}`), 404, api.CodeNotFound)
	g := decoded[api.Generation](t, k.ask("GET", "/api/v1/config/history/2", ""), 200)
	if !strings.Contains(g.Document, "weight: 2") || len(g.Changes) != 1 || g.Changes[0].New != "2" {
		t.Errorf("got %+v; want the document and the difference", g)
	}
	refusedWith(t, k.ask("GET", "/api/v1/config/history/99", ""), 404, api.CodeNotFound)
	refusedWith(t, started(t, plainConfig).ask("POST", "/api/v1/config/rollback", ""), 404, api.CodeNotFound)
}

// TestRollbackHoldsTheFileBack leaves what the file holds.
func TestRollbackHoldsTheFileBack(t *testing.T) {
	k := started(t, plainConfig)
	k.write(weight("2"))
	if out, err := k.signal(); err != nil || out.Unchanged {
		t.Fatalf("got %+v, %v; want the file taken", out, err)
	}
	decoded[api.Applied](t, k.ask("POST", "/api/v1/config/rollback", ""), 200)
	k.runs(1)
	if s := k.configState(); !s.HeldBack || !s.Drift || s.FileGeneration != 2 {
		t.Errorf("got %+v; want the file held back", s)
	}
	k.write("# touched\n" + weight("2")) // the same content
	for range 2 {
		if out, err := k.signal(); err != nil || !out.Unchanged || !out.HeldBack {
			t.Errorf("got %+v, %v; want it held back", out, err)
		}
	}
	k.runs(1)
	r := decoded[api.ReloadResult](t, k.ask("POST", "/api/v1/reload?force=1", ""), 200)
	if r.Unchanged || r.HeldBack || k.configState().HeldBack || k.configState().Drift {
		t.Errorf("got %+v, %+v; want it taken by force", r, k.configState())
	}
	k.runs(2)
	decoded[api.Applied](t, k.ask("POST", "/api/v1/config/rollback", ""), 200)
	k.write(weight("5"))
	if out, err := k.signal(); err != nil || out.Unchanged {
		t.Errorf("got %+v, %v; want another content taken", out, err)
	}
	k.runs(5)
}

// TestTouchedFileKeepsWhatWasApplied sends SIGHUP after an emergency change.
func TestTouchedFileKeepsWhatWasApplied(t *testing.T) {
	k := keep(t, plainConfig)
	secret := filepath.Join(filepath.Dir(k.file), "token")
	if err := os.WriteFile(secret, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	k.write(plainConfig + "admin: {token: \"${FILE:" + secret + "}\"}\n")
	k.start()
	k.put(weight("2") + "tracing: {service_name: \"${FILE:" + secret + "}\"}\n")
	if err := os.WriteFile(secret, []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := k.signal()
	if err != nil || !out.Unchanged || out.Generation != 2 {
		t.Errorf("got %+v, %v; want nothing changed", out, err)
	}
	k.runs(2)
	k.mu.Lock()
	if got := k.running.Config.Tracing.ServiceName; got != "two" {
		t.Errorf("got %q; want the file that is named read again", got)
	}
	k.mu.Unlock()
	if s := k.configState(); !s.Drift || s.Source != api.SourceAPI || s.FileGeneration != 1 {
		t.Errorf("got %+v; want drift", s)
	}
	k.write(weight("9"))
	if _, err := k.signal(); err != nil {
		t.Fatal(err)
	}
	k.runs(9)
	list := decoded[[]api.Generation](t, k.ask("GET", "/api/v1/config/history", ""), 200)
	if got, want := outcomes(list), []string{"applied", "unchanged", "superseded", "applied"}; !slices.Equal(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
	k.write("nonsense: {}\n")
	if _, err := k.signal(); err == nil {
		t.Error("got nothing; want a refusal")
	}
	k.runs(9)
}

// TestFileThatSaysWhatRunsIsNoDrift writes into the file what was applied already.
func TestFileThatSaysWhatRunsIsNoDrift(t *testing.T) {
	k := started(t, plainConfig)
	k.put(weight("2"))
	k.write(weight("2"))
	if out, err := k.signal(); err != nil || !out.Unchanged || out.Generation != 2 {
		t.Errorf("got %+v, %v; want nothing changed", out, err)
	}
	if s := k.configState(); s.Drift || s.Source != api.SourceFile || s.FileGeneration != 2 {
		t.Errorf("got %+v; want the file to say what runs", s)
	}
	decoded[api.Applied](t, k.ask("POST", "/api/v1/config/rollback", ""), 200)
	if s := k.configState(); !s.HeldBack {
		t.Errorf("got %+v; want the file held back", s)
	}
}

// tokenKeeper is a keeper that has gone to a configuration with one token more, and asks with
// that one. query is of the change.
func tokenKeeper(t *testing.T, via, role, query string) (k *keeper, ask func(path, body string) answer) {
	t.Helper()
	tokens := func(list string) string {
		return "admin: {tokens: [{name: own, role: write, secret: own-secret}" + list + "]}\n"
	}
	k = keep(t, plainConfig+tokens(""))
	k.start()
	k.server = start(t, Options{
		Tokens:  []Token{{Name: "own", Role: api.RoleWrite, Secret: "own-secret"}, {Name: "new", Role: api.Role(role), Secret: "new-secret"}},
		Sources: Sources{Ledger: k.ledger, Reload: k.reload},
	})
	k.ask("PUT", "/api/v1/config"+query, weight("2")+tokens(", {name: new, role: "+role+", secret: new-secret}"),
		"If-Match: *", "Authorization: Bearer own-secret")
	k.runs(2)
	who := "Authorization: Bearer new-secret"
	if via == viaSession {
		who = strings.TrimRight(login(t, k.server, "new-secret")+sameOrigin, "\r\n")
	}
	return k, func(path, body string) answer { return k.ask("POST", path, body, who) }
}

// TestRollbackKeepsItsToken rolls back to a configuration that does not have the token that
// asks, and has the file brought back, which has it not either.
func TestRollbackKeepsItsToken(t *testing.T) {
	const rollback = "/api/v1/config/rollback"
	for _, c := range []struct{ via, role string }{{viaToken, "write"}, {viaToken, "operate"}, {viaSession, "write"}, {viaSession, "operate"}} {
		t.Run(c.via+" "+c.role, func(t *testing.T) {
			k, ask := tokenKeeper(t, c.via, c.role, "")
			for _, body := range []string{"", `{"generation":1}`} {
				if p := refusedWith(t, ask(rollback, body), 422, api.CodeInvalid); !strings.Contains(p.Detail, "with confirm") {
					t.Errorf("%q: got %+v; want what to do", body, p)
				}
			}
			if p := refusedWith(t, ask("/api/v1/reload?force=1", ""), 422, api.CodeInvalid); !strings.Contains(p.Detail, "with confirm") {
				t.Errorf("reload by force: got %+v; want what to do", p)
			}
			decoded[api.ReloadResult](t, ask("/api/v1/reload", ""), 200) // which leaves it as it is
			k.runs(2)
			a := decoded[api.Applied](t, ask(rollback+"?confirm=60s&abort_error_percent=5", ""), 200)
			if a.Generation != 3 || a.Previous != 2 || a.ConfirmBefore == nil || a.AbortErrorPercent == nil || *a.AbortErrorPercent != 5 {
				t.Errorf("got %+v; want generation 3 on trial", a)
			}
			k.runs(1)
			refusedWith(t, ask(rollback+"?confirm=60s", ""), 422, api.CodeInvalid) // what comes back was confirmed
			if s := k.configState(); s.Pending == nil || s.Pending.Generation != 3 || s.HeldBack {
				t.Errorf("got %+v; want generation 3 to wait", s)
			}
			k.fire(time.Minute)
			k.runs(2)
			if s := k.configState(); s.Pending != nil {
				t.Errorf("got %+v; want the trial over", s)
			}
		})
	}
}

// TestRollbackOnTrialIsKept confirms one; and one that ends the trial of its own token needs
// no confirmation: that would come by itself.
func TestRollbackOnTrialIsKept(t *testing.T) {
	k, ask := tokenKeeper(t, viaToken, "write", "")
	decoded[api.Applied](t, ask("/api/v1/config/rollback?confirm=5s", ""), 200)
	decoded[api.Applied](t, k.ask("POST", "/api/v1/config/confirm", `{"generation":3}`, "Authorization: Bearer own-secret"), 200)
	if k.fire(5*time.Second) != 0 {
		t.Error("the clock of what was confirmed runs on")
	}
	k.runs(1)
	k, ask = tokenKeeper(t, viaToken, "write", "?confirm=60s")
	decoded[api.Applied](t, ask("/api/v1/config/rollback", ""), 200)
	k.runs(1)
}
