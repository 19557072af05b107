package algo

// sequenceMax bounds the length of a sequence of turns (up to as many members;
// above that it is twice the number of members).
const sequenceMax = 1 << 15

// sequence returns positions in the order of nginx's smooth weighted round
// robin, one whole period of it.
//
// The law (nginx, commit 52327e0, 2012): each turn adds to every member's
// current value its weight; the largest one is picked, the first of equals, and
// pays the total. Weights 5, 1, 1 give aabacaa. Done literally a turn
// costs a walk over all members: 0.1 s for a period of 4,096. But members of
// one weight differ only in how often they were picked, and the one picked
// least, then first in order, is always the largest among them: each class of
// equal weights is a queue. So a turn compares one head per class, and there
// are at most sqrt(2 * period) classes.
//
// Weights whose sum is above the bound are scaled to it first, each at least 1:
// no share is then off by more than (1 + share*members) / bound.
func sequence(weights []uint32) []uint16 {
	weights = bounded(weights)
	classes := newClasses(weights)
	var total int64
	for _, w := range weights {
		total += int64(w)
	}
	order := make([]uint16, total)
	for i := range order {
		best := 0
		for k := range classes {
			c := &classes[k]
			c.first += c.weight
			b := &classes[best]
			if c.first > b.first || c.first == b.first && c.queue[c.head] < b.queue[b.head] {
				best = k
			}
		}
		order[i] = classes[best].turn(total)
	}
	return order
}

// bounded scales weights so that their sum is about the bound, when it is above.
func bounded(weights []uint32) []uint32 {
	bound := uint64(max(sequenceMax, 2*len(weights)))
	var total uint64
	for _, w := range weights {
		total += uint64(w)
	}
	if total <= bound {
		return weights
	}
	scaled := make([]uint32, len(weights))
	for i, w := range weights {
		scaled[i] = uint32(max(1, (uint64(w)*bound+total/2)/total))
	}
	return scaled
}

// class is the queue of the members of one weight.
type class struct {
	weight int64
	// first is the current value of the head; members before it were picked in
	// this round and stand one total lower.
	first int64
	queue []uint16
	head  int
}

// newClasses groups positions by weight, in order of position.
func newClasses(weights []uint32) []class {
	var classes []class
	byWeight := make(map[uint32]int)
	for i, w := range weights {
		k, ok := byWeight[w]
		if !ok {
			k = len(classes)
			byWeight[w] = k
			classes = append(classes, class{weight: int64(w)})
		}
		classes[k].queue = append(classes[k].queue, uint16(i))
	}
	return classes
}

// turn picks the head, which pays the total and goes to the end of the queue.
// When all have been picked once more, the new head is the one that paid first.
func (c *class) turn(total int64) uint16 {
	picked := c.queue[c.head]
	c.head++
	if c.head == len(c.queue) {
		c.head = 0
		c.first -= total
	}
	return picked
}
