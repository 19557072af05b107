package http3

import (
	"bufio"
	"errors"
	"io"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/isame-lb/isame-lb/engine/http3/errcode"
	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// controlRoom is what is read of a unidirectional stream at a time.
const controlRoom = 512

// acceptUni accepts the client's unidirectional streams until the connection ends.
func (s *Session) acceptUni() {
	for {
		q, err := s.quic.AcceptUniStream(s.quic.Context())
		if err != nil {
			return
		}
		safely.New("stream of one direction", func() { s.readUni(q) }, s.crashed).In(&s.gone)
	}
}

// readUni is the goroutine of a unidirectional stream.
func (s *Session) readUni(q *quic.ReceiveStream) {
	defer q.ReleaseStreamCredit()
	if s.opts.Header > 0 {
		_ = q.SetReadDeadline(time.Now().Add(s.opts.Header))
	}
	in := bufio.NewReaderSize(q, controlRoom)
	v, err := readVarint(in)
	if err != nil {
		q.CancelRead(quic.StreamErrorCode(errcode.None)) // one that ends before its type says nothing
		s.fail(s.pay(stream.CostFrame))
		return
	}
	t := streamType(v)
	switch {
	case t == streamPush:
		s.fail(errPushStream)
		return
	case t >= streamTypes:
		q.CancelRead(quic.StreamErrorCode(errcode.StreamCreation))
		s.fail(s.pay(stream.CostReset))
		return
	case !s.first(t):
		s.fail(errSecondStream)
		return
	}
	if t != streamControl {
		_ = q.SetReadDeadline(time.Time{})
	}
	var f *fault
	switch t {
	case streamControl:
		f = s.control(q, in)
	case streamEncoder:
		f = encoderStream(in)
	default:
		f = decoderStream(in)
	}
	s.fail(f) // after the end of the connection it means nothing
}

// first reports that no stream of the type was there before.
func (s *Session) first(t streamType) bool {
	m := &s.mu
	m.Lock()
	defer m.Unlock()
	if m.uni[t] {
		return false
	}
	m.uni[t] = true
	return true
}

// control reads the client's control stream (RFC 9114 section 6.2.1), which has no end.
func (s *Session) control(q deadliner, in *bufio.Reader) *fault {
	settled := false
	var ids controlIDs
	for {
		t, length, err := readFrame(in)
		if err != nil && !settled && isTimeout(err) {
			return errNoSettings
		}
		if err != nil {
			return closed(err)
		}
		if f := onControl(t, settled); f != nil {
			return f
		}
		if !t.isKnown() {
			if err := skip(in, length); err != nil {
				return closed(err)
			}
			if f := s.pay(stream.CostFrame); f != nil {
				return f
			}
			continue
		}
		if length > settingsMax {
			return errSettingsSize
		}
		payload := make([]byte, length)
		if _, err := io.ReadFull(in, payload); err != nil {
			return closed(err)
		}
		if t == frameSettings {
			settled = true
			_ = q.SetReadDeadline(time.Time{})
			if f := checkSettings(payload); f != nil {
				return f
			}
			continue
		}
		if f := ids.take(t, payload); f != nil {
			return f
		}
		if f := s.pay(stream.CostFrame); f != nil {
			return f
		}
	}
}

// onControl judges a frame of the control stream by its type.
func onControl(t frameType, settled bool) *fault {
	switch {
	case !settled && t != frameSettings:
		return errNoSettings
	case settled && t == frameSettings, t == frameData, t == frameHeaders, t == framePushPromise, t.isOfHTTP2():
		return errFrameHere
	}
	return nil
}

// controlIDs are the identifiers that a client has named: of pushes, which there are
// none of, so that they are only checked.
type controlIDs struct {
	pushMax uint64
	goAway  uint64 // one more; 0 is none
}

func (c *controlIDs) take(t frameType, payload []byte) *fault {
	id, n := parseVarint(payload)
	switch {
	case n == 0 || n != len(payload):
		return errFrameLayout
	case t == frameCancelPush: // nothing was promised
		return errID
	case t == frameMaxPushID && id < c.pushMax, t == frameGoAway && c.goAway != 0 && id >= c.goAway:
		return errID
	case t == frameMaxPushID:
		c.pushMax = id
	default:
		c.goAway = id + 1
	}
	return nil
}

// encoderStream reads the client's QPACK encoder stream. The only instruction that it
// has a use for is to set the capacity that there is: none.
func encoderStream(in *bufio.Reader) *fault {
	const capacityZero = 0x20
	for {
		switch c, err := in.ReadByte(); {
		case err != nil:
			return closed(err)
		case c != capacityZero:
			return errEncoderStream
		}
	}
}

// decoderStream reads the client's QPACK decoder stream. It may say that it does not
// need a stream's fields any more; there is nothing that it could acknowledge.
func decoderStream(in *bufio.Reader) *fault {
	const cancellation, prefix = 0x40, 0x3f
	for {
		c, err := in.ReadByte()
		switch {
		case err != nil:
			return closed(err)
		case c&^prefix != cancellation:
			return errDecoderStream
		}
		for more, n := c&prefix == prefix, 0; more; n++ {
			if c, err = in.ReadByte(); err != nil {
				return closed(err)
			}
			if n > 9 {
				return errDecoderStream
			}
			more = c&0x80 != 0
		}
	}
}

// closed is what the end of a critical stream means; the end of the whole connection
// is no fault.
func closed(err error) *fault {
	var reset *quic.StreamError
	if errors.As(err, &reset) || errors.Is(cut(err), io.ErrUnexpectedEOF) || isTimeout(err) {
		return errCritical
	}
	return nil
}
