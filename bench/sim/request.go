package sim

// request is one that is under way. Its slot is used again when neither the
// client nor the backend holds it any more.
type request struct {
	arrivedNanos int64
	workNanos    int64
	permit       permit
	backend      int32
	proxy        int32
	next         int32 // in the backend's queue
	use          uint32
	fails        bool // its answer is an error
	measured     bool // arrived in the second half
	gone         bool // the client gave up
}

const none = int32(-1)

// slots are the requests under way, by index. The zero value is empty.
type slots struct {
	all  []request
	free []int32
}

// take returns an unused slot. Its use tells it from earlier ones.
func (s *slots) take() (int32, *request) {
	n := len(s.free)
	if n == 0 {
		s.all = append(s.all, request{})
		i := int32(len(s.all) - 1)
		return i, &s.all[i]
	}
	i := s.free[n-1]
	s.free = s.free[:n-1]
	r := &s.all[i]
	*r = request{use: r.use}
	return i, r
}

// put gives a slot back.
func (s *slots) put(i int32) {
	s.all[i].use++
	s.free = append(s.free, i)
}

// deadlines is when clients give up. All wait equally long, so a queue in order
// of arrival does; those that were answered are skipped by their use.
type deadlines struct {
	queue []deadline
	head  int
}

type deadline struct {
	atNanos int64
	slot    int32
	use     uint32
}

func (d *deadlines) push(e deadline) {
	// Half of the memory is gone entries: move the rest to the front.
	if d.head > 1024 && d.head > len(d.queue)/2 {
		n := copy(d.queue, d.queue[d.head:])
		d.queue, d.head = d.queue[:n], 0
	}
	d.queue = append(d.queue, e)
}

// next is the time of the first deadline of a request that still waits, or never.
func (d *deadlines) next(s *slots) int64 {
	for d.head < len(d.queue) {
		e := &d.queue[d.head]
		if s.all[e.slot].use == e.use {
			return e.atNanos
		}
		d.head++
	}
	return never
}

// backend is a queue before some workers.
type backend struct {
	speed      float64
	idle       int32 // workers that are free
	head, tail int32 // of the queue of slots
	inFlight   int   // requests somebody waits for
	peak       int   // the most of them, since the measured half began
	taken      uint64
}

// enqueue appends a slot to the queue.
func (b *backend) enqueue(all []request, slot int32) {
	all[slot].next = none
	if b.head == none {
		b.head = slot
	} else {
		all[b.tail].next = slot
	}
	b.tail = slot
}

// dequeue takes the first slot, or none.
func (b *backend) dequeue(all []request) int32 {
	slot := b.head
	if slot != none {
		b.head = all[slot].next
	}
	return slot
}
