package algo

import (
	"fmt"
	"slices"
	"sync/atomic"
)

// registeredMax is how many algorithms can be registered: Kind has 8 bits.
const registeredMax = 64

// Factory makes the balancer of an algorithm that was registered, over the members that
// may be picked now: again whenever health, state or weight of one of them changes. The
// members are the factory's to keep; their Load is never nil, their Weight never 0.
//
// prev is the balancer it replaces, for what has to go on over rebuilds, such as turns:
// often one that this factory has made, and also in use until the new one is there and
// a while longer; but nil at first, and of another type where the pool has changed its
// algorithm. A factory that panics or returns nil is a bug: the pool picks at random
// until its next rebuild.
type Factory func(members []Member, prev Balancer) Balancer

// registration is what Register was given.
type registration struct {
	name string
	make Factory
}

// extras are the registered algorithms, replaced as a whole and never changed.
type extras struct {
	list   []registration // that of Kind k is list[k-kindEnd-1]
	sealed bool           // nothing is added any more
}

// registered is loaded by names and rebuilds, never by a pick.
var registered atomic.Pointer[extras]

// Register adds an algorithm under a name, which is then valid in pools.*.algorithm. It
// is for programs that run the proxy themselves, and called before that: in main or in
// an init. It panics for a name that is no lower-case word (letters, digits, _), that a
// built-in algorithm has or another call has given, for a nil factory, and after Seal.
//
// Pick of its balancers is called for each attempt, by many goroutines at once and most
// often by an event loop: it must not wait, and should not allocate. What it returns is
// looked at: for a member of Query.Tried, an index that is none and a -1 while somebody
// is left, one of those left is drawn by weight. A panic is the end of one exchange.
func Register(name string, factory Factory) {
	if err := registrable(name, factory); err != "" {
		panic(fmt.Sprintf("algo.Register: %q %s", name, err))
	}
	for {
		old := registered.Load()
		next := extras{}
		if old != nil {
			next = *old
		}
		switch {
		case next.sealed:
			panic(fmt.Sprintf("algo.Register: %q comes too late: the proxy runs already", name))
		case slices.ContainsFunc(next.list, func(r registration) bool { return r.name == name }):
			panic(fmt.Sprintf("algo.Register: %q is registered already", name))
		case len(next.list) == registeredMax:
			panic(fmt.Sprintf("algo.Register: %q is one too many: at most %d", name, registeredMax))
		}
		next.list = append(slices.Clip(next.list), registration{name: name, make: factory})
		if registered.CompareAndSwap(old, &next) {
			return
		}
	}
}

// registrable says what is wrong with the arguments of Register; empty is nothing.
func registrable(name string, factory Factory) string {
	isLetter := func(r rune) bool { return r >= 'a' && r <= 'z' }
	for i, r := range name {
		if !isLetter(r) && (i == 0 || r != '_' && (r < '0' || r > '9')) {
			return "is no name: want lower-case letters, digits and _"
		}
	}
	if name == "" {
		return "is no name"
	}
	if slices.ContainsFunc(Kinds(), func(k Kind) bool { return k.String() == name }) {
		return "is built in and cannot be replaced"
	}
	if factory == nil {
		return "has no factory"
	}
	return ""
}

// Seal ends the time in which algorithms can be registered: configurations that are read
// from now on all mean the same by a name.
func Seal() {
	for {
		old := registered.Load()
		next := extras{sealed: true}
		if old != nil {
			next.list = old.list
		}
		if registered.CompareAndSwap(old, &next) {
			return
		}
	}
}

// Registered returns the names of the registered algorithms, in their order.
func Registered() []string {
	all := registrations()
	names := make([]string, len(all))
	for i, r := range all {
		names[i] = r.name
	}
	return names
}

// IsRegistered reports an algorithm of Register, whose picks are not to be trusted.
func (k Kind) IsRegistered() bool { return k > kindEnd }

func registrations() []registration {
	e := registered.Load()
	if e == nil {
		return nil
	}
	return e.list
}

// registration is that of k; nil when there is none.
func (k Kind) registration() *registration {
	list := registrations()
	if i := int(k) - int(kindEnd) - 1; i >= 0 && i < len(list) {
		return &list[i]
	}
	return nil
}
