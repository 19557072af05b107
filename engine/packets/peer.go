package packets

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/pool/safely"
)

// before is a process before this one that may still have connections.
type before struct {
	tag byte // of its ids
	way *way // packets go there

	// Of the one that has handed over to us; others say nothing any more.
	begun     chan struct{} // closed when this process is to read, or that one has ended
	beginOnce sync.Once
	chosen    map[string]bool // ids of handshakes that have begun there; read after begun
}

func (b *before) begin(chosen map[string]bool) {
	b.beginOnce.Do(func() {
		b.chosen = chosen
		close(b.begun)
	})
}

// watch waits for the end of a process before, and forgets it then.
func (s *Socket) watch(b *before) {
	safely.New("way", func() {
		room := make([]byte, messageBytes)
		for {
			n, err := b.way.Read(room)
			if err != nil {
				break
			}
			if n > 0 && room[0] == kindBegin {
				chosen, _ := parseBegin(room[:n]) // without them some handshakes take longer
				b.begin(chosen)
			}
		}
		s.forget(b)
	}, func() { s.forget(b) }).In(&s.watchers)
}

// forget is the end of forwarding to a process that has ended.
func (s *Socket) forget(b *before) {
	s.before[b.tag].CompareAndSwap(b, nil)
	_ = b.way.Close()
	b.begin(nil)
}

// heir is the process after this one.
type heir struct {
	way  *way // packets for this process come from there
	told bool // that it is to read; of the reader
	room [messageBytes]byte
}

// beginTime is how long Handover waits until this process was told to read itself.
const beginTime = 2 * time.Second

// Counts are of packets for processes before: passed on, and lost, as a way was full.
type Counts struct{ Passed, Lost atomic.Uint64 }
