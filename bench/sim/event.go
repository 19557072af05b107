package sim

// event is something that will happen at a virtual time.
type event struct {
	atNanos int64
	order   uint64 // of pushing: equal times happen in this order
	what    what
	who     int32
}

// what happens, and to whom.
type what uint8

const (
	// finished: a worker is done with the request in slot who.
	finished what = iota
	// woken: an ejected backend of proxy who may get trials.
	woken
)

// agenda holds events to come: a heap with four children a node, which is half
// as deep as the usual one. The zero value is empty.
type agenda struct {
	heap   []event
	pushed uint64
}

const arity = 4

func (e *event) before(o *event) bool {
	return e.atNanos < o.atNanos || e.atNanos == o.atNanos && e.order < o.order
}

// push adds an event.
func (a *agenda) push(atNanos int64, w what, who int32) {
	e := event{atNanos: atNanos, order: a.pushed, what: w, who: who}
	a.pushed++
	a.heap = append(a.heap, e)
	i := len(a.heap) - 1
	for i > 0 {
		parent := (i - 1) / arity
		if !e.before(&a.heap[parent]) {
			break
		}
		a.heap[i] = a.heap[parent]
		i = parent
	}
	a.heap[i] = e
}

// next is the time of the first event, or never.
func (a *agenda) next() int64 {
	if len(a.heap) == 0 {
		return never
	}
	return a.heap[0].atNanos
}

// pop takes the first event out of an agenda that is not empty.
func (a *agenda) pop() event {
	first := a.heap[0]
	n := len(a.heap) - 1
	last := a.heap[n]
	a.heap = a.heap[:n]
	i := 0
	for n > 0 {
		child := arity*i + 1
		if child >= n {
			break
		}
		for c := child + 1; c < min(child+arity, n); c++ {
			if a.heap[c].before(&a.heap[child]) {
				child = c
			}
		}
		if !a.heap[child].before(&last) {
			break
		}
		a.heap[i] = a.heap[child]
		i = child
	}
	if n > 0 {
		a.heap[i] = last
	}
	return first
}
