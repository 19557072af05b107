package algo

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// afresh forgets what is registered, for one test.
func afresh(t *testing.T) {
	t.Helper()
	before := registered.Swap(nil)
	t.Cleanup(func() { registered.Store(before) })
}

// lastMember picks the last member that was not tried.
type lastMember int

func newLastMember(members []Member, _ Balancer) Balancer { return lastMember(len(members)) }

func (l lastMember) Pick(q Query) int {
	for i := int(l) - 1; i >= 0; i-- {
		if !q.Tried.Has(i) {
			return i
		}
	}
	return -1
}

func TestRegisteredAlgorithmsAreKinds(t *testing.T) {
	afresh(t)
	Register("last_member", newLastMember)
	Register("nobody2", func([]Member, Balancer) Balancer { return nil })
	if got := Registered(); !slices.Equal(got, []string{"last_member", "nobody2"}) {
		t.Errorf("got %q; want both names in their order", got)
	}
	for _, k := range Kinds() {
		if k.IsRegistered() {
			t.Errorf("%s: is said to be registered; it is built in", k)
		}
	}
	kind, ok := ParseKind("last_member")
	if !ok || !kind.IsRegistered() || kind.String() != "last_member" || !kind.UsesHash() {
		t.Fatalf("got %v, %v; want the registered kind, which may use the hash", kind, ok)
	}
	b, err := New(kind, newTestMembers(1, 1, 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	var tried Tried
	for want := 2; want >= -1; want-- {
		if got := b.Pick(Query{Tried: tried}); got != want {
			t.Errorf("got %d; want %d", got, want)
		}
		tried.Add(want)
	}
	nobody, _ := ParseKind("nobody2")
	if _, err := New(nobody, newTestMembers(1), nil); !errors.Is(err, ErrNoBalancer) {
		t.Errorf("a factory that makes nothing: got %v; want ErrNoBalancer", err)
	}
	if _, err := New(nobody+1, nil, nil); !errors.Is(err, ErrUnknownKind) {
		t.Errorf("the kind behind the last one: got %v; want ErrUnknownKind", err)
	}
}

// The members are the factory's: pools reuse nothing of what they gave it.
func TestFactoriesGetMembersOfTheirOwn(t *testing.T) {
	afresh(t)
	var kept []Member
	Register("keeps", func(m []Member, _ Balancer) Balancer { kept = m; return lastMember(len(m)) })
	kind, _ := ParseKind("keeps")
	given := newTestMembers(1, 2)
	if _, err := New(kind, given, nil); err != nil {
		t.Fatal(err)
	}
	given[0].Weight = 77
	if kept[0].Weight != 1 {
		t.Errorf("got weight %d after the caller wrote into its slice; want 1", kept[0].Weight)
	}
}

func TestWhatCannotBeRegistered(t *testing.T) {
	afresh(t)
	Register("taken", newLastMember)
	for _, c := range []struct {
		name, algorithm string
		factory         Factory
		want            string
	}{
		{"built in", "p2c", newLastMember, `"p2c" is built in`},
		{"twice", "taken", newLastMember, `"taken" is registered already`},
		{"without a name", "", newLastMember, "is no name"},
		{"upper case", "Mine", newLastMember, "is no name"},
		{"digit first", "2mine", newLastMember, "is no name"},
		{"dash", "my-own", newLastMember, "is no name"},
		{"without a factory", "mine", nil, "has no factory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := refusal(c.algorithm, c.factory); !strings.Contains(got, c.want) {
				t.Errorf("got %q; want a panic that says %q", got, c.want)
			}
		})
	}
	Seal()
	if got := refusal("late", newLastMember); !strings.Contains(got, `"late" comes too late`) {
		t.Errorf("after Seal: got %q; want a panic that says so", got)
	}
	if got := Registered(); !slices.Equal(got, []string{"taken"}) {
		t.Errorf("got %q; want what was registered before", got)
	}
}

func TestRegistrationsAreBounded(t *testing.T) {
	afresh(t)
	for i := range registeredMax {
		Register("a"+strings.Repeat("b", i), newLastMember)
	}
	if got := refusal("one_more", newLastMember); !strings.Contains(got, "one too many") {
		t.Errorf("got %q; want a panic that says how many there may be", got)
	}
	last, ok := ParseKind("a" + strings.Repeat("b", registeredMax-1))
	if !ok || last.registration() == nil {
		t.Errorf("the last one: got %v, %v; want its kind", last, ok)
	}
}

// refusal is what Register panics with; empty when it does not.
func refusal(name string, factory Factory) (text string) {
	defer func() { text, _ = recover().(string) }()
	Register(name, factory)
	return ""
}
