package algo

// slots is a table from the hash of a key to a position: how ip_hash and maglev
// pick. Its size must not follow the number of members one by one, because a
// new size moves every key.
type slots []uint16

// at returns the position of a hash.
func (s slots) at(hash uint64) int {
	slot, _ := below(mix(hash), uint64(len(s)))
	return int(s[slot])
}

// size is the number of slots.
func (s slots) size() int { return len(s) }

// pick returns the index of the member of a hash. A retry hashes on, so that the
// keys of a failing member spread over all others; after rehashMax slots it
// chooses by weight among what is left.
func (s slots) pick(v *view, q Query) int {
	if len(v.ids) == 0 {
		return -1
	}
	position := s.at(q.Hash)
	if q.Tried.isEmpty() || !v.isTried(position, q.Tried) {
		return v.index(position)
	}
	hash := q.Hash
	for range rehashMax {
		hash = mix(hash + golden)
		if position = s.at(hash); !v.isTried(position, q.Tried) {
			return v.index(position)
		}
	}
	return v.index(v.left(mix(hash+golden), q.Tried))
}

// rehashMax bounds how many further slots a retry looks at.
const rehashMax = 16

// sized is a balancer with a table.
type sized interface{ size() int }

// level is a table size and up to how many members it serves.
type level struct{ members, size int }

// sizeFor chooses the first level that serves so many members; the last one
// serves any number. A table that is one level larger already stays so down to
// half of the limit: a member that comes and goes at the limit does not move
// every key each time.
func sizeFor(levels []level, members int, prev Balancer) int {
	at := 0
	for at+1 < len(levels) && members > levels[at].members {
		at++
	}
	was, ok := prev.(sized)
	if ok && at+1 < len(levels) && was.size() == levels[at+1].size && members > levels[at].members/2 {
		at++
	}
	return levels[at].size
}
