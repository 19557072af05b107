package http3

import (
	"sync"

	"github.com/quic-go/quic-go"

	"github.com/isame-lb/isame-lb/engine/http3/errcode"
	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// pieces are the memory of writers.
var pieces = sync.Pool{New: func() any { return new([pieceBytes]byte) }}

// writeSoonLocked makes sure that what was taken is written.
func (st *Stream) writeSoonLocked() {
	m := &st.mu
	if !m.writing && !m.written && (m.out.Len() > 0 || m.output.Done()) {
		m.writing = true
		safely.Own(st.write).Go()
	}
}

// write is the goroutine that writes: until nothing is left.
func (st *Stream) write() {
	defer func() {
		if safely.Caught("answer stream", recover()) {
			st.session.crashed()
		}
	}()
	safely.Enter("answer stream")
	room, ok := pieces.Get().(*[pieceBytes]byte)
	if !ok {
		panic("BUG: something else is in the pool of pieces")
	}
	st.writeAll(room[:])
	pieces.Put(room)
	m := &st.mu
	m.Lock()
	sent := m.output.Done()
	m.Unlock()
	st.endIfOver(sent)
}

func (st *Stream) writeAll(room []byte) {
	m := &st.mu
	for {
		n, closed, done, wake := st.nextOut(room)
		if wake {
			st.Conn.Room(false)
		}
		switch {
		case n == 0 && done:
			_ = st.quic.Close() // one that was reset needs none
			st.endWriting()
			return
		case n == 0:
			return
		case closed:
			st.hurry()
		}
		if _, err := st.quic.Write(room[:n]); err != nil {
			st.writeFailed()
			return
		}
		m.Lock()
		m.moved += int64(n)
		m.Unlock()
	}
}

// nextOut takes what is written next: n bytes, with done the last ones. n is 0 and done
// is false: nothing is there now, and the writer ends. wake: there is room again.
func (st *Stream) nextOut(room []byte) (n int, closed, done, wake bool) {
	m := &st.mu
	m.Lock()
	defer m.Unlock()
	n = m.out.Take(room)
	done = m.output.Done()
	if wake = m.waits && m.out.Len() < stream.OutSoft/2; wake {
		m.waits = false
	}
	if n == 0 && !done {
		m.writing = false
	}
	return n, m.closed, done, wake
}

func (st *Stream) endWriting() {
	st.mu.Lock()
	st.mu.writing, st.mu.written = false, true
	st.mu.out.Drop()
	st.mu.Unlock()
}

// writeFailed is a peer that takes nothing any more, or not in time.
func (st *Stream) writeFailed() {
	st.quic.CancelWrite(quic.StreamErrorCode(errcode.RequestCancelled))
	st.endWriting()
	st.leave(stream.ErrReset, false)
}
