package pool

// Keeps reports that m may go on to serve those who belong to it (sticky
// sessions): drained and with weight 0, too, but not disabled, nor while its
// probes or its breaker say that it is down. Any goroutine may call it.
func (p *Pool) Keeps(m *Member) bool { return p.view.Load().keeps[m.index] }

// keeping is Keeps for every member; the pool's mutex is held.
func (p *Pool) keeping(cs []candidate, c choice) []bool {
	keeps := make([]bool, len(cs))
	for i, m := range cs {
		keeps[i] = m.healthy && m.ready && !m.joining && p.members[i].state != Disabled
	}
	for _, chosen := range c.tiers { // also where health is ignored
		for _, i := range chosen {
			keeps[i] = true
		}
	}
	return keeps
}
