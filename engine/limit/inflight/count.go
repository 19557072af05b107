package inflight

// Count is how much a key has in progress, for those who only ask.
func (t *Table) Count(hash uint64) int {
	number := hash >> t.shift
	if t.shift == 64 {
		number = 0
	}
	_, word, known := t.buckets[number].find(hash << countBits)
	if !known {
		return 0
	}
	return int(word & countMask)
}
