package frame

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"golang.org/x/net/http2"
)

// FuzzFrames reads frames as a connection does, beside x/net.
func FuzzFrames(f *testing.F) {
	ping := [8]byte([]byte("12345678"))
	f.Add(slices.Concat(
		AppendSettings(nil, Setting{SettingInitialWindowSize, 1 << 20}, Setting{SettingMaxFrameSize, 1 << 20}), AppendSettingsAck(nil),
		AppendHeaders(nil, Header{Stream: 1}, []byte("block"), 0), AppendDataHeader(nil, 1, 0, true),
		AppendWindowUpdate(nil, 1, 7), AppendWindowUpdate(nil, 0, 7), AppendPing(nil, ping), AppendPingAck(nil, ping),
		AppendRSTStream(nil, 1, CodeCancel), AppendGoAway(nil, 1, CodeNone, "bye"),
	), true)
	for _, h := range []Header{
		{1, TypeHeaders, 0, 1},
		{5, TypePriority, 0, 1},
		{8, TypeHeaders, FlagPriority | FlagPadded | FlagEndHeaders, 3},
		{3, TypeData, FlagPadded, 3},
		{0, TypeContinuation, FlagEndHeaders, 1},
		{4, TypePushPromise, FlagEndHeaders, 1},
		{4, 0x42, 0xff, 1 << 31},
		{1 << 14, TypeData, 0, 1},
		{1<<14 + 1, TypeData, 0, 1},
	} {
		f.Add(append(AppendHeader(nil, h), bytes.Repeat([]byte{0, 1, 2, 0xff, 3}, int(h.Length)/5+1)...), false)
	}
	f.Fuzz(func(t *testing.T, raw []byte, server bool) {
		from := FromClient
		if server {
			from = FromServer
		}
		their := http2.NewFramer(io.Discard, bytes.NewReader(raw))
		their.SetMaxReadFrameSize(PayloadBytesMin)
		var s Sequence
		for {
			h, ok := Parse(raw)
			if !ok {
				return
			}
			if again := AppendHeader(nil, h); !bytes.Equal(again[:5], raw[:5]) {
				t.Fatalf("header %x becomes %x", raw[:HeaderBytes], again)
			}
			fault := Check(h, PayloadBytesMin)
			if fault == nil {
				fault = s.Next(h)
			}
			if fault == nil && int(h.Length) > len(raw)-HeaderBytes {
				return // needs more bytes
			}
			got, want := "", ""
			if fault == nil {
				got, fault = describe(h, raw[HeaderBytes:HeaderBytes+int(h.Length)], from)
			}
			frame, err := their.ReadFrame()
			if err == nil {
				want, err = describeTheirs(frame)
			}
			if fault != nil {
				if err == nil && !stricter(fault, from) {
					t.Fatalf("%+v: got %v; x/net reads %s", h, fault, want)
				}
				return
			}
			if err != nil {
				if h.Type == 0x10 { // PRIORITY_UPDATE, which is unknown here
					return
				}
				t.Fatalf("%+v: got %s; x/net says %v", h, got, err)
			}
			if got != want {
				t.Fatalf("%+v: got %s; x/net reads %s", h, got, want)
			}
			raw = raw[HeaderBytes+int(h.Length):]
		}
	})
}

// stricter reports whether x/net leaves a fault to others, or does not mind.
func stricter(fault *Fault, from Sender) bool {
	switch fault {
	case ErrPush, ErrDependency, ErrContinuations, ErrBooleanSetting:
		return true
	case ErrPushSetting:
		return from == FromServer
	default:
		return false
	}
}

// describe reads a payload with ours, into text.
func describe(h Header, payload []byte, from Sender) (string, *Fault) {
	switch h.Type {
	case TypeData:
		data, fault := Data(h, payload)
		return fmt.Sprintf("DATA %x", data), fault
	case TypeHeaders:
		block, fault := Headers(h, payload)
		return fmt.Sprintf("HEADERS %x", block), fault
	case TypePriority:
		return "PRIORITY", Priority(h, payload)
	case TypeRSTStream:
		code, fault := RSTStream(payload)
		return fmt.Sprintf("RST_STREAM %d", code), fault
	case TypeSettings:
		text := []byte("SETTINGS")
		for len(payload) > 0 {
			s, rest, fault := NextSetting(payload, from)
			if fault != nil {
				return "", fault
			}
			text = fmt.Appendf(text, " %d=%d", s.ID, s.Value)
			payload = rest
		}
		return string(text), nil
	case TypePing:
		data, fault := Ping(payload)
		return fmt.Sprintf("PING %x", data), fault
	case TypeGoAway:
		g, fault := GoAway(payload)
		return fmt.Sprintf("GOAWAY %d %d %x", g.Last, g.Code, g.Debug), fault
	case TypeWindowUpdate:
		increment, fault := WindowUpdate(h, payload)
		return fmt.Sprintf("WINDOW_UPDATE %d", increment), fault
	case TypeContinuation:
		return fmt.Sprintf("CONTINUATION %x", payload), nil
	default:
		return fmt.Sprintf("%d %x", h.Type, payload), nil
	}
}

// describeTheirs is describe for x/net.
func describeTheirs(frame http2.Frame) (string, error) {
	switch frame := frame.(type) {
	case *http2.DataFrame:
		return fmt.Sprintf("DATA %x", frame.Data()), nil
	case *http2.HeadersFrame:
		return fmt.Sprintf("HEADERS %x", frame.HeaderBlockFragment()), nil
	case *http2.PriorityFrame:
		return "PRIORITY", nil
	case *http2.RSTStreamFrame:
		return fmt.Sprintf("RST_STREAM %d", frame.ErrCode), nil
	case *http2.SettingsFrame:
		text := "SETTINGS"
		err := frame.ForeachSetting(func(s http2.Setting) error {
			text += fmt.Sprintf(" %d=%d", s.ID, s.Val)
			return s.Valid()
		})
		return text, err
	case *http2.PingFrame:
		return fmt.Sprintf("PING %x", frame.Data), nil
	case *http2.GoAwayFrame:
		return fmt.Sprintf("GOAWAY %d %d %x", frame.LastStreamID, frame.ErrCode, frame.DebugData()), nil
	case *http2.WindowUpdateFrame:
		return fmt.Sprintf("WINDOW_UPDATE %d", frame.Increment), nil
	case *http2.ContinuationFrame:
		return fmt.Sprintf("CONTINUATION %x", frame.HeaderBlockFragment()), nil
	case *http2.UnknownFrame:
		return fmt.Sprintf("%d %x", frame.Type, frame.Payload()), nil
	case *http2.PriorityUpdateFrame:
		return "", errors.New("a frame that is unknown here")
	default:
		return fmt.Sprintf("%T", frame), nil
	}
}

// FuzzPayloads hands any payload to every reader, unchecked, and splits it as a
// header block.
func FuzzPayloads(f *testing.F) {
	f.Add(uint8(0xff), uint32(1), []byte("\x01\x00\x00\x00\x01\x00\x00"), uint16(1))
	f.Add(uint8(0), uint32(0), []byte{}, uint16(0))
	f.Fuzz(func(t *testing.T, flags uint8, stream uint32, payload []byte, copies uint16) {
		h := Header{Length: uint32(len(payload)), Flags: Flags(flags), Stream: stream & StreamMax}
		for kind := range 12 {
			h.Type = Type(kind)
			for _, from := range []Sender{FromClient, FromServer} {
				if _, fault := describe(h, payload, from); fault != nil && fault.Error() == "" {
					t.Error("a fault without a cause")
				}
			}
		}
		if len(payload) > 1<<10 || h.Stream == 0 {
			return
		}
		block := bytes.Repeat(payload, int(copies%100))
		raw := AppendHeaders(nil, h, block, 0)
		if got := joinBlock(t, h, raw); !bytes.Equal(got, block) {
			t.Fatalf("a block of %d bytes comes back with %d", len(block), len(got))
		}
	})
}

// joinBlock reads what AppendHeaders wrote.
func joinBlock(t *testing.T, want Header, raw []byte) (block []byte) {
	t.Helper()
	var s Sequence
	for first := true; len(raw) > 0; first = false {
		h, ok := Parse(raw)
		fault := Check(h, PayloadBytesMin)
		if fault == nil {
			fault = s.Next(h)
		}
		if !ok || fault != nil || h.Stream != want.Stream || first != (h.Type == TypeHeaders) {
			t.Fatalf("got %+v, %v", h, fault)
		}
		if first && h.Flags&^FlagEndHeaders != want.Flags&FlagEndStream {
			t.Fatalf("got flags %#x; want %#x", h.Flags, want.Flags&FlagEndStream)
		}
		raw = raw[HeaderBytes:]
		block = append(block, raw[:h.Length]...)
		raw = raw[h.Length:]
	}
	if s.Open() {
		t.Fatal("the header block stays open")
	}
	return block
}
