package resilience

import (
	"context"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func begin(t *testing.T) *origin {
	t.Helper()
	o := newOrigin()
	if err := o.up(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.kill)
	return o
}

func get(t *testing.T, o *origin, path string) (int, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+o.address+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Close = true
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer a.Body.Close()
	_, err = io.Copy(io.Discard, a.Body)
	return a.StatusCode, err
}

func TestOriginGoesWrongAsTold(t *testing.T) {
	o := begin(t)
	if status, err := get(t, o, "/"); err != nil || status != 200 {
		t.Fatalf("got %d, %v; want 200", status, err)
	}
	o.failing.Store(1000)
	if status, err := get(t, o, "/"); err != nil || status != 503 {
		t.Errorf("failing: got %d, %v; want 503", status, err)
	}
	if status, err := get(t, o, "/health"); err != nil || status != 200 {
		t.Errorf("probe: got %d, %v; want 200", status, err)
	}
	if n := o.seen.Load(); n != 2 {
		t.Errorf("got %d requests seen; want 2, no probe among them", n)
	}
}

func TestOriginComesBackAtItsAddress(t *testing.T) {
	o := begin(t)
	address := o.address
	for name, end := range map[string]func() error{
		"killed":  func() error { o.kill(); return nil },
		"drained": func() error { return o.drain(t.Context()) },
	} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if status, err := get(t, o, "/"); err == nil {
			t.Errorf("%s: got %d; want no connection", name, status)
		}
		if err := o.up(t.Context()); err != nil || o.address != address {
			t.Fatalf("%s: got %q, %v; want %q", name, o.address, err, address)
		}
		if status, err := get(t, o, "/"); err != nil || status != 200 {
			t.Errorf("%s and up again: got %d, %v; want 200", name, status, err)
		}
	}
}

// TestDrainingOriginAnswersWhatItHas: a drain waits for the answer under way,
// a kill cuts it off.
func TestDrainingOriginAnswersWhatItHas(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, kill := range []bool{false, true} {
		o := begin(t)
		o.slower.Store(map[bool]int64{false: 20, true: 10_000}[kill]) // long enough not to be over before
		type answer struct {
			status int
			err    error
		}
		got := make(chan answer, 1)
		go func() {
			status, err := get(t, o, "/")
			got <- answer{status, err}
		}()
		for o.seen.Load() == 0 {
			if err := wait(ctx, time.Millisecond); err != nil {
				t.Fatal(err)
			}
		}
		if kill {
			o.kill()
		} else if err := o.drain(ctx); err != nil {
			t.Fatal(err)
		}
		if a := <-got; (a.err == nil) == kill {
			t.Errorf("kill %v: got %+v", kill, a)
		}
	}
}

// TestAgainstTheRealBinary lets one origin fail: clients see fewer errors than
// without a breaker, and every request is answered. Whether the targets hold is
// the business of `make resilience`, on a machine that does nothing else.
func TestAgainstTheRealBinary(t *testing.T) {
	if testing.Short() {
		t.Skip("builds isame-lb")
	}
	program := filepath.Join(t.TempDir(), "isame-lb")
	if out, err := exec.Command("go", "build", "-pgo=off", "-o", program, "../../cmd/isame-lb").CombinedOutput(); err != nil {
		t.Fatalf("cannot build isame-lb: %v\n%s", err, out)
	}
	var rows []Row
	o := Options{Isame: program, Duration: 500 * time.Millisecond, Scenarios: []string{"errors", "storm"}}
	err := Run(t.Context(), o, func(r Row) error {
		rows = append(rows, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 || rows[0].Scenario != "errors" || rows[1].Scenario != "storm" {
		t.Fatalf("got %+v; want a row for each scenario", rows)
	}
	if !strings.Contains(rows[0].Measured, " 200") || !strings.Contains(rows[1].Measured, " 503") || strings.Contains(rows[1].Measured, " 200") {
		t.Errorf("got %+v; want answers of the one, failures of the other", rows)
	}
	for _, r := range rows {
		var b strings.Builder
		if err := r.Write(&b); err != nil || !strings.Contains(b.String(), r.Measured) || !strings.Contains(b.String(), r.Asked) {
			t.Errorf("got %v, %q", err, b.String())
		}
	}
}

func TestRunRefuses(t *testing.T) {
	for _, o := range []Options{
		{Isame: "/no/such/program", Duration: time.Second},
		{Duration: time.Second, Scenarios: []string{"none"}},
		{Duration: time.Millisecond},
	} {
		if err := Run(t.Context(), o, func(Row) error { return nil }); err == nil {
			t.Errorf("%+v: got no error", o)
		}
	}
}
