package http3

import (
	"bufio"
	"errors"
	"io"
	"net"
	"time"
)

// frameType is a type of frames (RFC 9114 section 11.2.1).
type frameType uint64

const (
	frameData        frameType = 0x0
	frameHeaders     frameType = 0x1
	frameCancelPush  frameType = 0x3
	frameSettings    frameType = 0x4
	framePushPromise frameType = 0x5
	frameGoAway      frameType = 0x7
	frameMaxPushID   frameType = 0xd
)

// isOfHTTP2 reports types that mean something in HTTP/2 and must not come here
// (RFC 9114 section 7.2.8).
func (t frameType) isOfHTTP2() bool {
	switch uint64(t) {
	case 0x2, 0x6, 0x8, 0x9:
		return true
	}
	return false
}

// isKnown reports types that have a meaning; others are skipped.
func (t frameType) isKnown() bool {
	switch t {
	case frameData, frameHeaders, frameCancelPush, frameSettings, framePushPromise, frameGoAway, frameMaxPushID:
		return true
	}
	return t.isOfHTTP2()
}

// appendVarint appends an integer of QUIC (RFC 9000 section 16), below 2^62.
func appendVarint(b []byte, v uint64) []byte {
	switch {
	case v < 1<<6:
		return append(b, byte(v))
	case v < 1<<14:
		return append(b, byte(v>>8)|0x40, byte(v))
	case v < 1<<30:
		return append(b, byte(v>>24)|0x80, byte(v>>16), byte(v>>8), byte(v))
	}
	return append(b, byte(v>>56)|0xc0, byte(v>>48), byte(v>>40), byte(v>>32), byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

// parseVarint is the integer that b begins with, and its size; 0: there is more to come.
func parseVarint(b []byte) (v uint64, n int) {
	if len(b) == 0 {
		return 0, 0
	}
	n = 1 << (b[0] >> 6)
	if len(b) < n {
		return 0, 0
	}
	v = uint64(b[0] & 0x3f)
	for _, c := range b[1:n] {
		v = v<<8 | uint64(c)
	}
	return v, n
}

// frameHeaderMax is the longest header of a frame.
const frameHeaderMax = 16

// appendFrame appends the header of a frame.
func appendFrame(b []byte, t frameType, length int) []byte {
	return appendVarint(appendVarint(b, uint64(t)), uint64(length))
}

// sequence is where a request stream is (RFC 9114 section 4.1): a head, content,
// trailers.
type sequence uint8

const (
	beforeHead sequence = iota
	inContent
	inTunnel // content without trailers (section 4.4)
	behindTrailers
)

// next judges a frame by its type alone. What is not known may come anywhere.
func (s sequence) next(t frameType) *fault {
	switch {
	case !t.isKnown():
		return nil
	case t == frameHeaders && (s == beforeHead || s == inContent):
		return nil
	case t == frameData && (s == inContent || s == inTunnel):
		return nil
	}
	return errFrameHere
}

// Identifiers of settings (RFC 9114 section 7.2.4.1, RFC 9204 section 5, RFC 9220).
const (
	settingTableCapacity   = 0x1
	settingFieldSectionMax = 0x6
	settingBlockedStreams  = 0x7
	settingConnectProtocol = 0x8
)

// settingsMax bounds the SETTINGS of a peer, in bytes: more than a hundred of them.
const settingsMax = 1 << 10

// checkSettings reads the settings of a client. None of them changes what we do: there
// is no dynamic table, nothing is pushed, and how large a field section may be is for
// the backend to know.
func checkSettings(payload []byte) *fault {
	seen := map[uint64]bool{}
	for len(payload) > 0 {
		id, n := parseVarint(payload)
		if n == 0 {
			return errFrameLayout
		}
		value, m := parseVarint(payload[n:])
		if m == 0 {
			return errFrameLayout
		}
		payload = payload[n+m:]
		switch {
		case seen[id], id >= 0x2 && id <= 0x5, id == 0:
			return errSettings
		case id == settingConnectProtocol && value > 1:
			return errSettings
		}
		seen[id] = true
	}
	return nil
}

// appendSettings appends the beginning of our control stream: its type and SETTINGS.
func appendSettings(b []byte, headerBytes int) []byte {
	var p []byte
	for _, set := range [][2]uint64{
		{settingTableCapacity, 0},
		{settingBlockedStreams, 0},
		{settingFieldSectionMax, uint64(headerBytes)},
		{settingConnectProtocol, 1},
	} {
		p = appendVarint(appendVarint(p, set[0]), set[1])
	}
	b = appendVarint(b, uint64(streamControl))
	return append(appendFrame(b, frameSettings, len(p)), p...)
}

// streamType is a type of unidirectional streams (RFC 9114 section 6.2).
type streamType uint64

const (
	streamControl streamType = iota
	streamPush
	streamEncoder
	streamDecoder
	streamTypes // those that are known
)

// readVarint reads an integer.
func readVarint(in *bufio.Reader) (uint64, error) {
	first, err := in.Peek(1)
	if err != nil {
		return 0, err //nolint:wrapcheck // io.EOF counts
	}
	b, err := in.Peek(1 << (first[0] >> 6))
	if err != nil {
		return 0, cut(err)
	}
	v, n := parseVarint(b)
	_, _ = in.Discard(n)
	return v, nil
}

// readFrame reads the header of a frame; io.EOF: there is none, and nothing of one.
func readFrame(in *bufio.Reader) (frameType, uint64, error) {
	t, err := readVarint(in)
	if err != nil {
		return 0, 0, err
	}
	length, err := readVarint(in)
	return frameType(t), length, cut(err)
}

// skip drops what a frame carries.
func skip(in *bufio.Reader, length uint64) error {
	for length > 0 {
		n, err := in.Discard(int(min(length, 1<<20)))
		length -= uint64(n)
		if err != nil {
			return cut(err)
		}
	}
	return nil
}

// cut is an error in the middle of something.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// deadliner is what is told of a stream by who reads it through a buffer.
type deadliner interface{ SetReadDeadline(t time.Time) error }

// wholeReads are reads whose error does not come with bytes: a deadline that passes in
// the middle of one would stay in the buffer, and be met when it is none any more.
type wholeReads struct{ from io.Reader }

// Read implements io.Reader. An error that lasts comes again.
func (w wholeReads) Read(p []byte) (int, error) {
	n, err := w.from.Read(p)
	if n > 0 {
		return n, nil
	}
	return n, err
}

// emptyData takes a DATA frame without content, which tells nothing.
func emptyData(in *bufio.Reader) bool {
	if b, _ := in.Peek(1); b[0] != byte(frameData) {
		return false
	}
	b, err := in.Peek(2)
	if err != nil || b[1] != 0 { // a length of 0 is hardly told in more bytes
		return false
	}
	_, _ = in.Discard(len(b))
	return true
}
