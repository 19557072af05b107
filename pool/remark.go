package pool

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
