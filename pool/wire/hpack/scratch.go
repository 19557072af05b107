package hpack

import "sync"

const (
	// scratchBytesMin is what a new scratch holds: the strings of most fields.
	scratchBytesMin = 512
	// scratchBytesMax is the largest that is kept for others.
	scratchBytesMax = 64 << 10
)

// scratch is memory for the Huffman-coded strings of one field. Decoders borrow
// it for the length of a block, so that idle connections have none.
type scratch struct {
	room []byte
	used int
}

var scratches = sync.Pool{New: func() any { return &scratch{room: make([]byte, scratchBytesMin)} }}

func takeScratch() *scratch {
	s, ok := scratches.Get().(*scratch)
	if !ok {
		panic("BUG: the pool holds nothing else")
	}
	s.used = 0
	return s
}

// releaseScratch gives the scratch back, which ends the life of its strings.
func (d *Decoder) releaseScratch() {
	d.scratch.empty()
	if s := d.scratch; s != nil && len(s.room) <= scratchBytesMax {
		scratches.Put(s)
	}
	d.scratch = nil
}

// empty makes s ready for the next field, which ends the life of the strings of
// the last one. s may be nil.
func (s *scratch) empty() {
	if s != nil {
		mangle(s.room[:s.used])
		s.used = 0
	}
}

// decode returns what coded means, or that it is longer than the limit.
func (s *scratch) decode(coded []byte, limit int) (text []byte, long bool, fault *Fault) {
	// Two bytes more: the decoder writes in pairs.
	most := min(len(coded)*8/huffmanBitsMin, limit) + 2
	if most > len(s.room)-s.used {
		// The string that is already there keeps the old memory.
		s.room = make([]byte, max(2*len(s.room), most))
		s.used = 0
	}
	room := s.room[s.used : s.used+most]
	n, fault := decodeHuffman(room, coded)
	if fault != nil {
		return nil, false, fault
	}
	if n > limit || n < 0 {
		return nil, true, nil
	}
	s.used += n
	return room[:n:n], false, nil
}
