package record

import (
	"sync"
	"sync/atomic"
)

// Name is a name that records refer to, as a generation has it. Its number is found when
// it is needed for the first time: of many routes few take traffic.
type Name struct {
	text string
	// known is the number, and above it the season in which it was found; 0 before.
	known atomic.Uint64
}

// NewName returns the name with this text.
func NewName(text string) *Name { return &Name{text: text} }

// Names gives names a number each, over all generations, so that old records are read
// rightly whatever was loaded since. The zero value is ready.
//
// Names come and go, where backends are discovered, so those are forgotten at times that
// nobody refers to: see sweep. A number is never given twice.
type Names struct {
	seasons atomic.Uint32 // sweeps so far: the season is one more
	mu      struct {
		sync.Mutex
		numbers map[string]uint32
		kept    map[uint32]keptName
		last    uint32
		left    int // by the last sweep
	}
}

// keptName is a name with the season in which somebody has asked for its number.
type keptName struct {
	text   string
	season uint32
}

const (
	// namesMax bounds how many names are kept; further ones have none in records.
	namesMax = 1 << 18
	// sweepFrom is how many there have to be before any is forgotten.
	sweepFrom = 1 << 12
)

// Number is the number of a name; 0 for nil.
func (s *Names) Number(n *Name) uint32 {
	if n == nil {
		return 0
	}
	season := s.seasons.Load() + 1
	if known := n.known.Load(); known>>32 == uint64(season) {
		return uint32(known)
	}
	return s.find(n)
}

// find is Number for a name that has not been asked for in this season.
func (s *Names) find(n *Name) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	season := s.seasons.Load() + 1
	number, there := s.mu.numbers[n.text]
	if !there && len(s.mu.numbers) < namesMax {
		if s.mu.numbers == nil {
			s.mu.numbers, s.mu.kept = map[string]uint32{}, map[uint32]keptName{}
		}
		s.mu.last++
		number = s.mu.last
		s.mu.numbers[n.text] = number
	}
	if number != 0 {
		s.mu.kept[number] = keptName{n.text, season}
	}
	n.known.Store(uint64(season)<<32 | uint64(number))
	return number
}

// of is the number that a text has; 0 is none: no record refers to it.
func (s *Names) of(text string) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.numbers[text]
}

// text is the name with a number; empty for 0.
func (s *Names) text(number uint32) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.kept[number].text
}

// isCrowded reports that it is worth looking for names that nobody needs.
func (s *Names) isCrowded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mu.kept) >= max(sweepFrom, 2*s.mu.left)
}

// sweep forgets names that no record refers to, which used finds out, and that nobody has
// asked for in the season that ends by it. Whoever has asked for one in that season may be
// about to put a record. Whoever asks later does so anew.
func (s *Names) sweep(used func() map[uint32]bool) {
	ended := s.seasons.Add(1) // from here on numbers are found anew
	by := used()
	s.mu.Lock()
	defer s.mu.Unlock()
	for number, kept := range s.mu.kept {
		if kept.season < ended && !by[number] {
			delete(s.mu.kept, number)
			delete(s.mu.numbers, kept.text)
		}
	}
	s.mu.left = len(s.mu.kept)
}
