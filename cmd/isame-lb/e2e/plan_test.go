package e2e

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// What a plan says of requests as they came is what becomes of the same requests when it is
// applied.
func TestPlanForetellsWhatAnApplyDoes(t *testing.T) {
	one, two := newBackend(t, nil), newBackend(t, nil)
	before := header + `
routes:
  shop: {hosts: [shop.test], pool: one}
  old: {path_prefix: /old, pool: one}
  staged: {path_prefix: /staged, middleware: [strip], pool: one}
  moved: {path_prefix: /moved, pool: one}
  rest: {path_prefix: /rest, pool: two}
pools: {one: {backends: ` + members(one) + `}, two: {backends: ` + members(two) + `}}
middleware: {strip: {type: rewrite, strip_prefix: /staged}}
`
	after := strings.NewReplacer("shop.test", "store.test", "  old: {path_prefix: /old, pool: one}\n", "", "strip_prefix: /staged", "add_prefix: /new",
		"path_prefix: /moved, pool: one", "path_prefix: /moved, pool: two").Replace(before)
	p := start(t, before)
	kinds := []struct {
		path, host string
		n          int
	}{{"/a", "shop.test", 3}, {"/old/x", "", 5}, {"/staged/x", "", 7}, {"/moved", "", 11}, {"/rest", "", 13}, {"/none", "", 2}}
	ask := func() (statuses, uris []string) {
		for _, k := range kinds {
			for range k.n {
				var fields []string
				if k.host != "" {
					fields = []string{"Host", k.host}
				}
				a := get(t, p.url(k.path), fields...)
				uri := ""
				if a.status == 200 {
					s := a.seen(t)
					uri = a.header.Get("X-Backend") + s.URI
				}
				statuses, uris = append(statuses, strconv.Itoa(a.status)), append(uris, uri)
			}
		}
		return statuses, uris
	}
	were, wereAt := ask()
	file := writeConfig(t, after)
	var plan api.Plan
	eventually(t, "all exchanges are in the sample", func() string {
		code, out := ctl(t, p.admin, "config", "plan", "-o", "json", file)
		if err := json.Unmarshal([]byte(out), &plan); err != nil || code != 1 {
			t.Fatalf("got exit %d, %v: %s", code, err, out)
		}
		if plan.Replay.Requests != len(were) {
			return fmt.Sprintf("%d of %d", plan.Replay.Requests, len(were))
		}
		return ""
	})
	if code, out := ctl(t, p.admin, "explain", "--config", file, p.url("/old/x")); code != 0 || !strings.Contains(out, "404") {
		t.Errorf("explain: got exit %d, %s; want 404", code, out)
	}
	get(t, p.url("/old/x")).wantStatus(t, 200)
	if code, out := ctl(t, p.admin, "config", "apply", file); code != 0 {
		t.Fatalf("got exit %d, %s", code, out)
	}
	are, areAt := ask()
	answers, seen := 0, 0
	for i := range were {
		if were[i] != are[i] {
			answers++
		}
		if wereAt[i] != areAt[i] {
			seen++
		}
	}
	r := plan.Replay
	if r.Answers.Requests != answers || answers != 3+5 || r.Routes.Requests != answers {
		t.Errorf("%d were to get another answer, and %d another route; %d have: %+v", r.Answers.Requests, r.Routes.Requests, answers, r)
	}
	if r.Stages.Requests != 7 || r.Pools.Requests != 3+5+11 || r.Changed != 3+5+7+11 || seen != answers+7+11 {
		t.Errorf("got %+v; %d requests have another outcome at their backend", r, seen)
	}
	if code, out := ctl(t, p.admin, "config", "plan", file); code != 0 || !strings.Contains(out, "nothing changes") {
		t.Errorf("got exit %d, %s; want nothing to do any more", code, out)
	}
}
