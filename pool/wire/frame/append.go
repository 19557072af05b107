package frame

import "encoding/binary"

// AppendSettings appends a SETTINGS frame (RFC 9113 section 6.5).
func AppendSettings(dst []byte, settings ...Setting) []byte {
	dst = AppendHeader(dst, Header{Length: uint32(len(settings) * settingBytes), Type: TypeSettings})
	for _, s := range settings {
		dst = binary.BigEndian.AppendUint16(dst, uint16(s.ID))
		dst = binary.BigEndian.AppendUint32(dst, s.Value)
	}
	return dst
}

// AppendSettingsAck appends the acknowledgement of a SETTINGS frame (section
// 6.5.3).
func AppendSettingsAck(dst []byte) []byte {
	return AppendHeader(dst, Header{Type: TypeSettings, Flags: FlagAck})
}

// AppendPing appends a PING frame (section 6.7).
func AppendPing(dst []byte, data [pingBytes]byte) []byte {
	return append(AppendHeader(dst, Header{Length: pingBytes, Type: TypePing}), data[:]...)
}

// AppendPingAck appends the answer to a PING frame, with its data.
func AppendPingAck(dst []byte, data [pingBytes]byte) []byte {
	return append(AppendHeader(dst, Header{Length: pingBytes, Type: TypePing, Flags: FlagAck}), data[:]...)
}

// AppendGoAway appends a GOAWAY frame (section 6.8). last is the last stream that
// was or might be processed; debug is for people, and short.
func AppendGoAway(dst []byte, last uint32, code Code, debug string) []byte {
	dst = AppendHeader(dst, Header{Length: uint32(goAwayBytesMin + len(debug)), Type: TypeGoAway})
	dst = binary.BigEndian.AppendUint32(dst, last&StreamMax)
	dst = binary.BigEndian.AppendUint32(dst, uint32(code))
	return append(dst, debug...)
}

// AppendRSTStream appends a RST_STREAM frame (section 6.4).
func AppendRSTStream(dst []byte, stream uint32, code Code) []byte {
	dst = AppendHeader(dst, Header{Length: resetBytes, Type: TypeRSTStream, Stream: stream})
	return binary.BigEndian.AppendUint32(dst, uint32(code))
}

// AppendWindowUpdate appends a WINDOW_UPDATE frame (section 6.9); stream 0 is the
// connection. The increment is between 1 and [WindowMax].
func AppendWindowUpdate(dst []byte, stream, increment uint32) []byte {
	dst = AppendHeader(dst, Header{Length: windowUpdateBytes, Type: TypeWindowUpdate, Stream: stream})
	return binary.BigEndian.AppendUint32(dst, increment&WindowMax)
}

// AppendDataHeader appends the header of a DATA frame (section 6.1); size bytes,
// not more than the peer's SETTINGS_MAX_FRAME_SIZE, must follow.
func AppendDataHeader(dst []byte, stream uint32, size int, endStream bool) []byte {
	h := Header{Length: uint32(size), Type: TypeData, Stream: stream}
	if endStream {
		h.Flags = FlagEndStream
	}
	return AppendHeader(dst, h)
}

// AppendHeaders appends a whole header block, encoded, as a HEADERS frame and as
// many CONTINUATION frames as it takes with the peer's SETTINGS_MAX_FRAME_SIZE
// (sections 6.2 and 6.10). Of h count Stream and FlagEndStream. No other frame may
// come in between: dst must be sent as it is.
func AppendHeaders(dst []byte, h Header, block []byte, maxFrame uint32) []byte {
	maxFrame = max(maxFrame, PayloadBytesMin)
	h.Type = TypeHeaders
	h.Flags &= FlagEndStream
	for {
		part := block[:min(len(block), int(maxFrame))]
		block = block[len(part):]
		h.Length = uint32(len(part))
		if len(block) == 0 {
			h.Flags |= FlagEndHeaders
		}
		dst = append(AppendHeader(dst, h), part...)
		if len(block) == 0 {
			return dst
		}
		h.Type, h.Flags = TypeContinuation, 0
	}
}
