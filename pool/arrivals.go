package pool

// arrivals are the members by which a generation differs from the one before. They are
// told when it serves, and forgotten then.
type arrivals struct{ joined, left []*Member }

// arrivalsOf finds them among the pools of both generations, by name.
func arrivalsOf(before, now map[string]*Pool) (a arrivals) {
	for name, p := range before {
		a.left = append(a.left, p.without(now[name])...)
	}
	for name, p := range now {
		a.joined = append(a.joined, p.without(before[name])...)
	}
	return a
}

// without are the members of p that another generation of it has not; nil is one that has
// none.
func (p *Pool) without(other *Pool) (list []*Member) {
	if other == p {
		return nil
	}
	for _, m := range p.members {
		if other == nil || other.find(m.backend.place) == nil {
			list = append(list, m)
		}
	}
	return list
}

// speak makes the generation of these pools the one that others hear of, and tells what is
// different.
func (a *arrivals) speak(pools []*Pool) {
	for _, m := range a.left {
		state, weight := m.wish()
		m.pool.tell(Event{Kind: MemberRemoved, Address: m.backend.address, State: state, Weight: weight})
	}
	for _, p := range pools {
		p.speak()
	}
	for _, m := range a.joined {
		m.pool.mu.Lock()
		m.tellLocked(MemberAdded, m.pool.now())
		m.pool.mu.Unlock()
	}
}

// speak does so for the members that stay.
func (p *Pool) speak() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members {
		if m.standing.account.speaks(p, m.up) {
			m.tellLocked(upKind(m.up), p.now())
		}
	}
}

// remark is that what is asked at run time keeps a change of the configuration, or of
// what a discovery found, from having the effect that its author may expect.
type remark struct {
	pool     *Pool
	address  string
	override Override
	text     string
}

// remarks are those about a pool that takes the place of another one; nil is none.
func (p *Pool) remarks(before *Pool) (all []remark) {
	e := p.overlay.of(p.name)
	if e == nil || before == nil {
		return nil
	}
	for id, v := range e.places {
		if text := p.remarkAbout(id, v, before); text != "" {
			all = append(all, remark{p, v.Address, *v, text + "; the overlay of the admin endpoint has it, and can be cleared"})
		}
	}
	return all
}

func (p *Pool) remarkAbout(id string, v *Override, before *Pool) string {
	m, old := p.find(id), before.find(id)
	switch {
	case v.Removed && p.named[id] && !before.named[id] && old == nil:
		return "the backend is named anew and stays out, because it was removed at run time"
	case m == nil || v.Added != nil:
		return ""
	case old == nil && v.State != "":
		return "the backend is back, and takes nothing new, because its state was changed at run time"
	case old != nil && v.Weight != nil && old.weightGiven != m.weightGiven:
		return "the backend has another weight in the configuration, which has no effect, because it was changed at run time"
	}
	return ""
}
