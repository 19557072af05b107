package frame

import (
	"slices"
	"testing"
)

func TestCheck(t *testing.T) {
	const limit = PayloadBytesMin
	for _, c := range []struct {
		name string
		h    Header
		want *Fault
	}{
		{"data", Header{0, TypeData, 0, 1}, nil},
		{"data at the limit", Header{limit, TypeData, 0xff &^ FlagPadded, 1}, nil},
		{"data above the limit", Header{limit + 1, TypeData, 0, 1}, ErrTooLarge},
		{"data on no stream", Header{0, TypeData, 0, 0}, ErrNoStream},
		{"data padded", Header{1, TypeData, FlagPadded, 1}, nil},
		{"data padded without length", Header{0, TypeData, FlagPadded, 1}, ErrSize},
		{"data with the priority flag, which means nothing", Header{0, TypeData, FlagPriority, 1}, nil},
		{"headers", Header{0, TypeHeaders, 0, StreamMax}, nil},
		{"headers on no stream", Header{0, TypeHeaders, 0, 0}, ErrNoStream},
		{"headers with priority", Header{5, TypeHeaders, FlagPriority, 1}, nil},
		{"headers with short priority", Header{4, TypeHeaders, FlagPriority, 1}, ErrSize},
		{"headers padded, with priority", Header{6, TypeHeaders, FlagPriority | FlagPadded, 1}, nil},
		{"headers padded, with short priority", Header{5, TypeHeaders, FlagPriority | FlagPadded, 1}, ErrSize},
		{"priority", Header{5, TypePriority, 0, 1}, nil},
		{"priority on no stream", Header{5, TypePriority, 0, 0}, ErrNoStream},
		{"priority short", Header{4, TypePriority, 0, 1}, ErrPrioritySize},
		{"priority long", Header{6, TypePriority, 0, 1}, ErrPrioritySize},
		{"reset", Header{4, TypeRSTStream, 0, 1}, nil},
		{"reset of no stream", Header{4, TypeRSTStream, 0, 0}, ErrNoStream},
		{"reset short", Header{3, TypeRSTStream, 0, 1}, ErrSize},
		{"settings", Header{12, TypeSettings, 0, 0}, nil},
		{"settings empty", Header{0, TypeSettings, 0, 0}, nil},
		{"settings on a stream", Header{6, TypeSettings, 0, 1}, ErrOnStream},
		{"settings cut", Header{7, TypeSettings, 0, 0}, ErrSize},
		{"settings above the limit", Header{limit + 2, TypeSettings, 0, 0}, ErrTooLarge},
		{"settings ack", Header{0, TypeSettings, FlagAck, 0}, nil},
		{"settings ack with settings", Header{6, TypeSettings, FlagAck, 0}, ErrSize},
		{"push", Header{4, TypePushPromise, 0, 1}, ErrPush},
		{"push on no stream", Header{4, TypePushPromise, 0, 0}, ErrNoStream},
		{"ping", Header{8, TypePing, 0, 0}, nil},
		{"ping ack", Header{8, TypePing, FlagAck, 0}, nil},
		{"ping on a stream", Header{8, TypePing, 0, 1}, ErrOnStream},
		{"ping short", Header{7, TypePing, 0, 0}, ErrSize},
		{"ping long", Header{9, TypePing, 0, 0}, ErrSize},
		{"goaway", Header{8, TypeGoAway, 0, 0}, nil},
		{"goaway with text", Header{100, TypeGoAway, 0, 0}, nil},
		{"goaway on a stream", Header{8, TypeGoAway, 0, 1}, ErrOnStream},
		{"goaway short", Header{7, TypeGoAway, 0, 0}, ErrSize},
		{"window of the connection", Header{4, TypeWindowUpdate, 0, 0}, nil},
		{"window of a stream", Header{4, TypeWindowUpdate, 0, 7}, nil},
		{"window short", Header{3, TypeWindowUpdate, 0, 7}, ErrSize},
		{"continuation", Header{0, TypeContinuation, 0, 1}, nil},
		{"continuation on no stream", Header{0, TypeContinuation, 0, 0}, ErrNoStream},
		{"unknown", Header{17, 0xa, 0xff, 0}, nil},
		{"unknown on a stream", Header{17, 0xff, 0xff, 1}, nil},
		{"unknown above the limit", Header{limit + 1, 0xff, 0, 1}, ErrTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Check(c.h, limit); got != c.want {
				t.Errorf("got %v; want %v", got, c.want)
			}
		})
	}
}

func TestCodesOfFaults(t *testing.T) {
	for _, c := range []struct {
		fault  *Fault
		code   Code
		stream bool
	}{
		{ErrTooLarge, CodeFrameSize, false},
		{ErrSize, CodeFrameSize, false},
		{ErrPrioritySize, CodeFrameSize, true},
		{ErrNoStream, CodeProtocol, false},
		{ErrOnStream, CodeProtocol, false},
		{ErrPadding, CodeProtocol, false},
		{ErrDependency, CodeProtocol, true},
		{ErrPush, CodeProtocol, false},
		{ErrIncrement, CodeProtocol, false},
		{ErrStreamIncrement, CodeProtocol, true},
		{ErrInterrupted, CodeProtocol, false},
		{ErrContinuation, CodeProtocol, false},
		{ErrContinuations, CodeEnhanceYourCalm, false},
		{ErrPushSetting, CodeProtocol, false},
		{ErrWindowSetting, CodeFlowControl, false},
		{ErrFrameSetting, CodeProtocol, false},
		{ErrBooleanSetting, CodeProtocol, false},
	} {
		if c.fault.Code != c.code || c.fault.Stream != c.stream {
			t.Errorf("%v: got %v, of the stream: %v; want %v, %v", c.fault, c.fault.Code, c.fault.Stream, c.code, c.stream)
		}
	}
}

func TestSequence(t *testing.T) {
	open := Header{Type: TypeHeaders, Stream: 3}
	whole := Header{Type: TypeHeaders, Flags: FlagEndHeaders, Stream: 3}
	more := Header{Type: TypeContinuation, Stream: 3}
	last := Header{Type: TypeContinuation, Flags: FlagEndHeaders, Stream: 3}
	data := Header{Type: TypeData, Stream: 3}
	many := []Header{open}
	for range continuationsMax {
		many = append(many, more)
	}
	for _, c := range []struct {
		name   string
		frames []Header
		want   *Fault // of the last frame
		open   bool
	}{
		{"one frame", []Header{whole, data, whole}, nil, false},
		{"several", []Header{open, more, last, data}, nil, false},
		{"open", []Header{data, open, more}, nil, true},
		{"nothing to continue", []Header{whole, last}, ErrContinuation, false},
		{"continued again", []Header{open, last, last}, ErrContinuation, false},
		{"data inside", []Header{open, data}, ErrInterrupted, true},
		{"headers inside", []Header{open, whole}, ErrInterrupted, true},
		{"ping inside", []Header{open, {Type: TypePing}}, ErrInterrupted, true},
		{"unknown inside", []Header{open, {Type: 0x42, Stream: 3}}, ErrInterrupted, true},
		{"of another stream", []Header{open, {Type: TypeContinuation, Flags: FlagEndHeaders, Stream: 5}}, ErrInterrupted, true},
		{"many", many, nil, true},
		{"too many", append(slices.Clip(many), last), ErrContinuations, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s Sequence
			for i, h := range c.frames {
				want := c.want
				if i < len(c.frames)-1 {
					want = nil
				}
				if got := s.Next(h); got != want {
					t.Fatalf("frame %d, %v: got %v; want %v", i, h.Type, got, want)
				}
			}
			if s.Open() != c.open {
				t.Errorf("open: got %v; want %v", s.Open(), c.open)
			}
		})
	}
}
