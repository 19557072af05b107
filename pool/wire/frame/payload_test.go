package frame

import (
	"bytes"
	"testing"
)

func TestPaddingIsRemoved(t *testing.T) {
	for _, c := range []struct {
		name    string
		h       Header
		payload string
		want    string
		fault   *Fault
	}{
		{"data", Header{Type: TypeData}, "abc", "abc", nil},
		{"data empty", Header{Type: TypeData}, "", "", nil},
		{"data with the priority flag, which means nothing", Header{Type: TypeData, Flags: FlagPriority}, "abc", "abc", nil},
		{"padded by nothing", Header{Type: TypeData, Flags: FlagPadded}, "\x00abc", "abc", nil},
		{"padded", Header{Type: TypeData, Flags: FlagPadded}, "\x02abc\x00\x00", "abc", nil},
		{"only padding", Header{Type: TypeData, Flags: FlagPadded}, "\x03\x00\x00\x00", "", nil},
		{"padding of all", Header{Type: TypeData, Flags: FlagPadded}, "\x04\x00\x00\x00", "", ErrPadding},
		{"padding of more", Header{Type: TypeData, Flags: FlagPadded}, "\xff\x00\x00\x00", "", ErrPadding},
		{"no length of padding", Header{Type: TypeData, Flags: FlagPadded}, "", "", ErrSize},
		{"headers", Header{Type: TypeHeaders, Stream: 3}, "block", "block", nil},
		{"headers padded", Header{Type: TypeHeaders, Flags: FlagPadded, Stream: 3}, "\x01block\x00", "block", nil},
		{"headers with priority", Header{Type: TypeHeaders, Flags: FlagPriority, Stream: 3}, "\x80\x00\x00\x01\xffblock", "block", nil},
		{"headers padded, with priority", Header{Type: TypeHeaders, Flags: FlagPriority | FlagPadded, Stream: 3}, "\x01\x00\x00\x00\x01\xffblock\x00", "block", nil},
		{"padding takes the block", Header{Type: TypeHeaders, Flags: FlagPriority | FlagPadded, Stream: 3}, "\x05\x00\x00\x00\x01\xff\x00\x00\x00\x00\x00", "", nil},
		{"padding takes priority", Header{Type: TypeHeaders, Flags: FlagPriority | FlagPadded, Stream: 3}, "\x01\x00\x00\x00\x01\xff", "", ErrPadding},
		{"short priority", Header{Type: TypeHeaders, Flags: FlagPriority, Stream: 3}, "\x00\x00\x00\x01", "", ErrPadding},
		{"depends on itself", Header{Type: TypeHeaders, Flags: FlagPriority, Stream: 3}, "\x00\x00\x00\x03\xffblock", "block", ErrDependency},
		{"depends on itself, exclusively", Header{Type: TypeHeaders, Flags: FlagPriority, Stream: 3}, "\x80\x00\x00\x03\xffblock", "block", ErrDependency},
	} {
		t.Run(c.name, func(t *testing.T) {
			read := Data
			if c.h.Type == TypeHeaders {
				read = Headers
			}
			got, fault := read(c.h, []byte(c.payload))
			if string(got) != c.want || fault != c.fault {
				t.Errorf("got %q, %v; want %q, %v", got, fault, c.want, c.fault)
			}
		})
	}
}

func TestPayloadsOfFixedLength(t *testing.T) {
	h := Header{Stream: 3}
	if got := Priority(h, []byte("\x00\x00\x00\x01\xff")); got != nil {
		t.Errorf("priority: got %v; want none", got)
	}
	if got := Priority(h, []byte("\x80\x00\x00\x03\xff")); got != ErrDependency {
		t.Errorf("priority: got %v; want %v", got, ErrDependency)
	}
	if got := Priority(h, nil); got != ErrPrioritySize {
		t.Errorf("priority: got %v; want %v", got, ErrPrioritySize)
	}
	if got, fault := RSTStream([]byte("\x00\x00\x00\x08")); got != CodeCancel || fault != nil {
		t.Errorf("reset: got %v, %v; want %v", got, fault, CodeCancel)
	}
	if _, fault := RSTStream([]byte("\x00")); fault != ErrSize {
		t.Errorf("reset: got %v; want %v", fault, ErrSize)
	}
	if got, fault := Ping([]byte("12345678")); string(got[:]) != "12345678" || fault != nil {
		t.Errorf("ping: got %q, %v", got, fault)
	}
	if _, fault := Ping([]byte("1234567")); fault != ErrSize {
		t.Errorf("ping: got %v; want %v", fault, ErrSize)
	}
	if got, fault := WindowUpdate(h, []byte("\x80\x00\x00\x01")); got != 1 || fault != nil {
		t.Errorf("window: got %d, %v; want 1 without the reserved bit", got, fault)
	}
	if _, fault := WindowUpdate(h, []byte("\x80\x00\x00\x00")); fault != ErrStreamIncrement {
		t.Errorf("window: got %v; want %v", fault, ErrStreamIncrement)
	}
	if _, fault := WindowUpdate(Header{}, []byte("\x00\x00\x00\x00")); fault != ErrIncrement {
		t.Errorf("window: got %v; want %v", fault, ErrIncrement)
	}
	if _, fault := WindowUpdate(h, nil); fault != ErrSize {
		t.Errorf("window: got %v; want %v", fault, ErrSize)
	}
	g, fault := GoAway([]byte("\xff\xff\xff\xff\x00\x00\x00\x02why"))
	if fault != nil || g.Last != StreamMax || g.Code != CodeInternal || string(g.Debug) != "why" {
		t.Errorf("goaway: got %+v, %v", g, fault)
	}
	if _, fault := GoAway([]byte("1234567")); fault != ErrSize {
		t.Errorf("goaway: got %v; want %v", fault, ErrSize)
	}
}

func TestSettings(t *testing.T) {
	for _, c := range []struct {
		name string
		s    Setting
		from Sender
		want *Fault
	}{
		{"table", Setting{SettingHeaderTableSize, 1<<32 - 1}, FromClient, nil},
		{"no push", Setting{SettingEnablePush, 0}, FromServer, nil},
		{"push", Setting{SettingEnablePush, 1}, FromClient, nil},
		{"push by a server", Setting{SettingEnablePush, 1}, FromServer, ErrPushSetting},
		{"push 2", Setting{SettingEnablePush, 2}, FromClient, ErrPushSetting},
		{"streams", Setting{SettingMaxConcurrentStreams, 0}, FromClient, nil},
		{"window", Setting{SettingInitialWindowSize, WindowMax}, FromClient, nil},
		{"window above", Setting{SettingInitialWindowSize, WindowMax + 1}, FromServer, ErrWindowSetting},
		{"frame below", Setting{SettingMaxFrameSize, PayloadBytesMin - 1}, FromClient, ErrFrameSetting},
		{"frame smallest", Setting{SettingMaxFrameSize, PayloadBytesMin}, FromClient, nil},
		{"frame largest", Setting{SettingMaxFrameSize, PayloadBytesMax}, FromClient, nil},
		{"frame above", Setting{SettingMaxFrameSize, PayloadBytesMax + 1}, FromClient, ErrFrameSetting},
		{"list", Setting{SettingMaxHeaderListSize, 0}, FromClient, nil},
		{"connect", Setting{SettingEnableConnectProtocol, 1}, FromServer, nil},
		{"connect 2", Setting{SettingEnableConnectProtocol, 2}, FromServer, ErrBooleanSetting},
		{"priorities", Setting{SettingNoRFC7540Priorities, 1}, FromServer, nil},
		{"priorities 2", Setting{SettingNoRFC7540Priorities, 2}, FromServer, ErrBooleanSetting},
		{"unknown", Setting{0xffff, 1<<32 - 1}, FromServer, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			payload := AppendSettings(nil, c.s, Setting{SettingMaxHeaderListSize, 7})[HeaderBytes:]
			got, rest, fault := NextSetting(payload, c.from)
			if got != c.s || fault != c.want {
				t.Errorf("got %v, %v; want %v, %v", got, fault, c.s, c.want)
			}
			if got, rest, fault = NextSetting(rest, c.from); got.Value != 7 || len(rest) != 0 || fault != nil {
				t.Errorf("second: got %v, %q, %v; want 7 and the end", got, rest, fault)
			}
		})
	}
	if _, _, fault := NextSetting(make([]byte, 5), FromClient); fault != ErrSize {
		t.Errorf("cut: got %v; want %v", fault, ErrSize)
	}
}

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		TypeData.String():           "DATA",
		TypeContinuation.String():   "CONTINUATION",
		Type(10).String():           "UNKNOWN",
		CodeNone.String():           "NO_ERROR",
		CodeHTTP11Required.String(): "HTTP_1_1_REQUIRED",
		Code(14).String():           "UNKNOWN_ERROR",
		Code(1 << 31).String():      "UNKNOWN_ERROR",
		ErrPadding.Error():          "cannot accept frame: bad_padding",
	} {
		if got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
}

func TestHeaderIsReadBack(t *testing.T) {
	for _, h := range []Header{{}, {1, TypeHeaders, FlagEndHeaders, 3}, {PayloadBytesMax, 0xff, 0xff, StreamMax}} {
		b := AppendHeader([]byte("kept"), h)
		if got, ok := Parse(b[4:]); !ok || got != h || len(b) != 4+HeaderBytes {
			t.Errorf("got %+v, %v; want %+v", got, ok, h)
		}
		if _, ok := Parse(b[5:]); ok {
			t.Error("a short header was read")
		}
	}
	if got, _ := Parse([]byte("\x00\x00\x00\x00\x00\xff\xff\xff\xff")); got.Stream != StreamMax {
		t.Errorf("got stream %#x; want the reserved bit ignored", got.Stream)
	}
	if got := AppendHeader(nil, Header{Stream: 1<<31 | 5}); !bytes.Equal(got[5:], []byte{0, 0, 0, 5}) {
		t.Errorf("got %x; want the reserved bit unset", got)
	}
}
