package frame

import "encoding/binary"

// SettingID identifies a setting (RFC 9113 section 6.5.2). Others are ignored.
type SettingID uint16

// The settings, and what holds until one is received.
const (
	// SettingHeaderTableSize bounds the table the receiver of the setting may use
	// to encode header blocks; 4096.
	SettingHeaderTableSize SettingID = 0x1
	// SettingEnablePush allows PUSH_PROMISE; 1.
	SettingEnablePush SettingID = 0x2
	// SettingMaxConcurrentStreams bounds the streams its receiver may have open;
	// no bound.
	SettingMaxConcurrentStreams SettingID = 0x3
	// SettingInitialWindowSize is the window of new streams, and moves that of
	// those that are open (section 6.9.2); [WindowInitial].
	SettingInitialWindowSize SettingID = 0x4
	// SettingMaxFrameSize bounds payloads; [PayloadBytesMin].
	SettingMaxFrameSize SettingID = 0x5
	// SettingMaxHeaderListSize is the largest list of fields, as package hpack
	// counts it; no bound, and a hint only.
	SettingMaxHeaderListSize SettingID = 0x6
	// SettingEnableConnectProtocol allows extended CONNECT, for WebSocket (RFC
	// 8441 section 3); 0. It must not fall from 1 to 0 again, which is for the
	// caller to see.
	SettingEnableConnectProtocol SettingID = 0x8
	// SettingNoRFC7540Priorities says that priority fields are not looked at (RFC
	// 9218 section 2.1); 0.
	SettingNoRFC7540Priorities SettingID = 0x9
)

// Setting is one setting.
type Setting struct {
	ID    SettingID
	Value uint32
}

// Sender is the side a frame comes from.
type Sender uint8

// The two sides.
const (
	FromClient Sender = iota
	FromServer
)

// NextSetting reads the first setting of the payload of a SETTINGS frame that is
// no acknowledgement, and returns the rest. The payload is at its end when it has
// no bytes left. The value is one its setting can have.
func NextSetting(payload []byte, from Sender) (s Setting, rest []byte, fault *Fault) {
	if len(payload) < settingBytes {
		return Setting{}, nil, ErrSize
	}
	s = Setting{
		ID:    SettingID(binary.BigEndian.Uint16(payload)),
		Value: binary.BigEndian.Uint32(payload[2:]),
	}
	return s, payload[settingBytes:], s.check(from)
}

// check judges the value.
func (s Setting) check(from Sender) *Fault {
	switch s.ID {
	case SettingEnablePush:
		if s.Value > 1 || s.Value == 1 && from == FromServer {
			return ErrPushSetting
		}
	case SettingInitialWindowSize:
		if s.Value > WindowMax {
			return ErrWindowSetting
		}
	case SettingMaxFrameSize:
		if s.Value < PayloadBytesMin || s.Value > PayloadBytesMax {
			return ErrFrameSetting
		}
	case SettingEnableConnectProtocol, SettingNoRFC7540Priorities:
		if s.Value > 1 {
			return ErrBooleanSetting
		}
	default:
	}
	return nil
}
