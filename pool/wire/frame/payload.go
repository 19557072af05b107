package frame

import "encoding/binary"

// The readers below take the whole payload of a frame that passed [Check], and
// return parts of it. They look at its length themselves, too.

// Data returns the content of a DATA frame without padding (RFC 9113 section
// 6.1). Flow control counts the whole payload (section 6.9.1).
func Data(h Header, payload []byte) ([]byte, *Fault) {
	return unpad(h, payload)
}

// Headers returns the part of a header block that a HEADERS frame carries
// (section 6.2). Priority is dropped (section 5.3.2). With the fault of a stream
// that depends on itself the part is valid, and must be decoded all the same: the
// table of the header compression is the connection's.
func Headers(h Header, payload []byte) ([]byte, *Fault) {
	block, fault := unpad(h, payload)
	if fault != nil || !h.Flags.Has(FlagPriority) {
		return block, fault
	}
	if len(block) < priorityBytes {
		return nil, ErrPadding
	}
	return block[priorityBytes:], dependency(h, block)
}

// unpad removes the padding, which is as long as the first byte says.
func unpad(h Header, payload []byte) ([]byte, *Fault) {
	if !h.Flags.Has(FlagPadded) {
		return payload, nil
	}
	if len(payload) == 0 {
		return nil, ErrSize
	}
	end := len(payload) - int(payload[0])
	if end < 1 {
		return nil, ErrPadding
	}
	return payload[1:end:end], nil
}

// dependency looks for a stream that depends on itself. Priority means nothing
// any more, this is still an error (RFC 7540 section 5.3.1), and costs nothing.
func dependency(h Header, fields []byte) *Fault {
	if binary.BigEndian.Uint32(fields)&StreamMax == h.Stream {
		return ErrDependency
	}
	return nil
}

// Priority judges a PRIORITY frame (section 6.3), which says nothing.
func Priority(h Header, payload []byte) *Fault {
	if len(payload) != priorityBytes {
		return ErrPrioritySize
	}
	return dependency(h, payload)
}

// RSTStream reads a RST_STREAM frame (section 6.4).
func RSTStream(payload []byte) (Code, *Fault) {
	if len(payload) != resetBytes {
		return 0, ErrSize
	}
	return Code(binary.BigEndian.Uint32(payload)), nil
}

// Ping reads a PING frame (section 6.7).
func Ping(payload []byte) (data [pingBytes]byte, fault *Fault) {
	if len(payload) != pingBytes {
		return data, ErrSize
	}
	return [pingBytes]byte(payload), nil
}

// WindowUpdate reads a WINDOW_UPDATE frame (section 6.9). The increment is not 0;
// whether the window can bear it is for the caller to see.
func WindowUpdate(h Header, payload []byte) (increment uint32, fault *Fault) {
	if len(payload) != windowUpdateBytes {
		return 0, ErrSize
	}
	increment = binary.BigEndian.Uint32(payload) & WindowMax
	if increment == 0 && h.Stream == 0 {
		return 0, ErrIncrement
	}
	if increment == 0 {
		return 0, ErrStreamIncrement
	}
	return increment, nil
}

// GoAwayFrame is the content of a GOAWAY frame (section 6.8).
type GoAwayFrame struct {
	// Last is the last stream the sender may have processed: what is above can be
	// sent again elsewhere.
	Last uint32
	Code Code
	// Debug is text for people, of the peer's making: not to be trusted, and a
	// part of the payload.
	Debug []byte
}

// GoAway reads a GOAWAY frame.
func GoAway(payload []byte) (GoAwayFrame, *Fault) {
	if len(payload) < goAwayBytesMin {
		return GoAwayFrame{}, ErrSize
	}
	return GoAwayFrame{
		Last:  binary.BigEndian.Uint32(payload) & StreamMax,
		Code:  Code(binary.BigEndian.Uint32(payload[4:])),
		Debug: payload[goAwayBytesMin:],
	}, nil
}
