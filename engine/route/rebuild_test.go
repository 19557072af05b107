package route

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
)

// TestRebuildAgreesWithBuild: over random rows of configurations an index that is built on
// the one before answers, explains and describes as one that is built from nothing.
func TestRebuildAgreesWithBuild(t *testing.T) {
	t.Parallel()

	refused, asIs := 0, 0
	for seed := range uint64(12) {
		d := draw{rand.New(rand.NewPCG(seed, 2))}
		now, listeners := routes{}, []string{"web", "tls"}

		var earlier Earlier

		for step := range 60 {
			next := maps.Clone(now)
			d.change(next)

			if d.IntN(20) == 0 {
				slices.Reverse(listeners)
			}

			at := fmt.Sprintf("seed %d, step %d", seed, step)
			x, kept, err := Rebuild(next, slices.Clone(listeners), earlier)
			want, wantErr := Build(next, listeners)

			if fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Fatalf("%s: got %v; want %v", at, err, wantErr)
			}

			if err != nil {
				refused++

				continue
			}

			if earlier.Index != nil && slices.Equal(earlier.Index.listeners, listeners) {
				checkKept(t, at, kept, earlier, next)

				if len(x.drafts) > 0 && len(earlier.Index.drafts) > 0 && &x.drafts[0] == &earlier.Index.drafts[0] {
					asIs++
				}
			}

			checkSame(t, at, x, want, d)

			now, earlier = next, Earlier{x, next}
		}
	}

	if refused == 0 || asIs < 20 {
		t.Errorf("%d configurations were refused, %d asked the same; the draw is too one-sided to test anything", refused, asIs)
	}
}

// change makes another configuration of r: sometimes none, sometimes one that asks the
// same.
func (d draw) change(r routes) {
	names := slices.Sorted(maps.Keys(r))

	switch d.IntN(5) {
	case 0:
	case 1:
		if len(names) > 0 {
			name := d.one(names...)
			o := r[name]
			o.Pool += "x"
			r[name] = o
		}
	case 2:
		if len(names) > 0 {
			delete(r, d.one(names...))
		}
	default:
		for range 1 + d.IntN(3) {
			r[fmt.Sprintf("r%02d", d.IntN(30))] = d.route()
		}
	}
}

// checkKept asks that the routes that are kept are those that are the same.
func checkKept(t *testing.T, at string, kept []int32, earlier Earlier, next routes) {
	t.Helper()

	for i, name := range slices.Sorted(maps.Keys(next)) {
		was, known := earlier.Routes[name]
		same := known && reflect.DeepEqual(was, next[name])

		if got := kept[i] >= 0; got != same || same && earlier.Index.Names()[kept[i]] != name {
			t.Fatalf("%s: %s is kept: %d; want it kept: %v", at, name, kept[i], same)
		}
	}
}

// checkSame asks that two indices cannot be told apart.
func checkSame(t *testing.T, at string, x, want *Index, d draw) {
	t.Helper()

	if !slices.Equal(x.Names(), want.Names()) {
		t.Fatalf("%s: routes %q; want %q", at, x.Names(), want.Names())
	}

	for i := range want.Len() {
		if got, want := x.Description(i), want.Description(i); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: got %+v; want %+v", at, got, want)
		}
	}

	for range 50 {
		q := d.query()
		if got, want := x.Lookup(q), want.Lookup(q); got != want {
			t.Fatalf("%s: %s %s%s takes route %d; want %d", at, q.Method, q.Host, q.Path, got, want)
		}

		if got, want := steps(x, q), steps(want, q); got != want {
			t.Fatalf("%s: %s %s%s:\n%s\nwant\n%s", at, q.Method, q.Host, q.Path, got, want)
		}
	}
}

func steps(x *Index, q *Query) (text string) {
	x.Explain(q, func(s Step) { text += fmt.Sprintf("%s %s %s %s %s\n", s.Name, s.Host, s.Path, s.Verdict, s.Reason) })

	return text
}

// TestRebuildSharesWhatIsTheSame, and leaves nothing of the earlier index behind it.
func TestRebuildSharesWhatIsTheSame(t *testing.T) {
	t.Parallel()

	from := func(pool, host string) routes {
		return routes{
			"a": {Predicates: is{Hosts: []string{"a.org"}}, Pool: pool},
			"b": {Predicates: is{Hosts: []string{host}, PathRegex: "^/b"}, Pool: "b"},
			"c": {Predicates: is{HostsRegex: []string{"^c"}}, Priority: 1, Pool: "c"},
		}
	}

	x := build(t, from("a", "b.org"))
	earlier := Earlier{x, from("a", "b.org")}

	if same, _, err := Rebuild(from("a", "b.org"), []string{"web", "tls"}, earlier); err != nil || same != x {
		t.Errorf("nothing has changed: %v, another index", err)
	}

	action, kept, err := Rebuild(from("other", "b.org"), []string{"web", "tls"}, earlier)
	if err != nil {
		t.Fatal(err)
	}

	if &action.drafts[0] != &x.drafts[0] || action.descriptions[1] != x.descriptions[1] || action.Description(0).Action != "pool other" ||
		x.Description(0).Action != "pool a" || !slices.Equal(kept, []int32{none, 1, 2}) {
		t.Errorf("another action: kept %v, described as %q and %q", kept, x.Description(0).Action, action.Description(0).Action)
	}

	for tier := action; tier != nil; tier = tier.lower {
		if tier.tree.wide != &tier.table {
			t.Error("the index keeps a table of the earlier one")
		}
	}

	host, kept, err := Rebuild(from("a", "other.org"), []string{"web", "tls"}, earlier)
	if err != nil {
		t.Fatal(err)
	}

	if host.drafts[0] != x.drafts[0] || host.drafts[1] == x.drafts[1] || host.drafts[2] == x.drafts[2] || !slices.Equal(kept, []int32{0, none, 2}) {
		t.Errorf("another host: kept %v", kept)
	}

	if host.hosts.all[0] != x.hosts.all[0] {
		t.Error("an expression of hosts is compiled again")
	}

	if host.drafts[1].pattern != x.drafts[1].pattern {
		t.Error("an expression that was known is compiled again")
	}

	if _, kept, err := Rebuild(from("a", "b.org"), []string{"tls"}, earlier); err != nil || !slices.Equal(kept, []int32{none, none, none}) {
		t.Errorf("other listeners: %v, kept %v; want none", err, kept)
	}
}

// BenchmarkRebuild is the cost of the index of a configuration that follows on another.
func BenchmarkRebuild(b *testing.B) {
	const count = 10000

	old := crowdRoutes(count, crowds()["host"])
	x := build(b, old)

	for _, changed := range []string{"all", "none", "action", "host"} {
		next := maps.Clone(old)
		r := next["route000007"]

		switch changed {
		case "action":
			r.Timeout = time.Minute
		case "host":
			r.Predicates = config.Predicates{Hosts: []string{"other.example.org"}}
		}

		next["route000007"] = r
		earlier := Earlier{x, old}

		if changed == "all" {
			earlier = Earlier{}
		}

		b.Run(fmt.Sprintf("routes=%d/changed=%s", count, changed), func(b *testing.B) {
			b.ReportAllocs()

			for b.Loop() {
				if _, _, err := Rebuild(next, []string{"web", "tls"}, earlier); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
