package retry

// Facts are what was learnt of a route. They belong to its name and outlive reloads;
// any goroutine may use them.
type Facts struct {
	Counts  Counts   // of its budget
	Latency Quantile // of its answers, after which hedged attempts begin
}

// Book has the facts of routes by name. One goroutine uses it at a time.
type Book map[string]*Facts

// Of are the facts of a route, new where it has none.
func (b Book) Of(route string) *Facts {
	f := b[route]
	if f == nil {
		f = &Facts{}
		b[route] = f
	}
	return f
}

// Keep drops the facts of routes that are gone. One that comes back under its name
// begins anew.
func (b Book) Keep(isThere func(route string) bool) {
	for route := range b {
		if !isThere(route) {
			delete(b, route)
		}
	}
}
