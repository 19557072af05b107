package frame

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"golang.org/x/net/http2"
)

// readTheirs reads frames with x/net and writes them as text.
func readTheirs(raw []byte) (frames []string) {
	f := http2.NewFramer(nil, bytes.NewReader(raw))
	f.SetMaxReadFrameSize(PayloadBytesMax)
	for {
		frame, err := f.ReadFrame()
		if errors.Is(err, io.EOF) {
			return frames
		}
		if err != nil {
			return append(frames, err.Error())
		}
		switch frame := frame.(type) {
		case *http2.DataFrame:
			frames = append(frames, fmt.Sprintf("DATA %d end=%v %d bytes", frame.StreamID, frame.StreamEnded(), len(frame.Data())))
		case *http2.HeadersFrame:
			frames = append(frames, fmt.Sprintf("HEADERS %d end=%v,%v %d bytes", frame.StreamID, frame.StreamEnded(), frame.HeadersEnded(), len(frame.HeaderBlockFragment())))
		case *http2.ContinuationFrame:
			frames = append(frames, fmt.Sprintf("CONTINUATION %d end=%v %d bytes", frame.StreamID, frame.HeadersEnded(), len(frame.HeaderBlockFragment())))
		case *http2.SettingsFrame:
			text := fmt.Appendf(nil, "SETTINGS ack=%v", frame.IsAck())
			for i := range frame.NumSettings() {
				text = fmt.Appendf(text, " %d=%d", frame.Setting(i).ID, frame.Setting(i).Val)
			}
			frames = append(frames, string(text))
		case *http2.PingFrame:
			frames = append(frames, fmt.Sprintf("PING ack=%v %s", frame.IsAck(), frame.Data[:]))
		case *http2.GoAwayFrame:
			frames = append(frames, fmt.Sprintf("GOAWAY %d %v %s", frame.LastStreamID, frame.ErrCode, frame.DebugData()))
		case *http2.RSTStreamFrame:
			frames = append(frames, fmt.Sprintf("RST_STREAM %d %v", frame.StreamID, frame.ErrCode))
		case *http2.WindowUpdateFrame:
			frames = append(frames, fmt.Sprintf("WINDOW_UPDATE %d %d", frame.StreamID, frame.Increment))
		default:
			frames = append(frames, fmt.Sprintf("%T", frame))
		}
	}
}

func TestOthersReadWhatIsAppended(t *testing.T) {
	ping := [8]byte([]byte("12345678"))
	for _, c := range []struct {
		name string
		raw  []byte
		want []string
	}{
		{"settings", AppendSettings(nil, Setting{SettingEnablePush, 0}, Setting{SettingInitialWindowSize, 1 << 20}), []string{"SETTINGS ack=false 2=0 4=1048576"}},
		{"no settings", AppendSettings(nil), []string{"SETTINGS ack=false"}},
		{"settings ack", AppendSettingsAck(nil), []string{"SETTINGS ack=true"}},
		{"ping", AppendPingAck(AppendPing(nil, ping), ping), []string{"PING ack=false 12345678", "PING ack=true 12345678"}},
		{"goaway", AppendGoAway(nil, 1<<31|7, CodeEnhanceYourCalm, "too fast"), []string{"GOAWAY 7 ENHANCE_YOUR_CALM too fast"}},
		{"goaway without text", AppendGoAway(nil, 0, CodeNone, ""), []string{"GOAWAY 0 NO_ERROR "}},
		{"reset", AppendRSTStream(nil, 5, CodeRefusedStream), []string{"RST_STREAM 5 REFUSED_STREAM"}},
		{"window", AppendWindowUpdate(AppendWindowUpdate(nil, 0, 1), 9, WindowMax), []string{"WINDOW_UPDATE 0 1", "WINDOW_UPDATE 9 2147483647"}},
		{"data", append(AppendDataHeader(nil, 3, 5, false), "hello"...), []string{"DATA 3 end=false 5 bytes"}},
		{"no data, the end", AppendDataHeader(nil, 3, 0, true), []string{"DATA 3 end=true 0 bytes"}},
		{"empty block", AppendHeaders(nil, Header{Stream: 1}, nil, 0), []string{"HEADERS 1 end=false,true 0 bytes"}},
		{"block of a frame", AppendHeaders(nil, Header{Stream: 1, Flags: 0xff}, make([]byte, 16384), 16384), []string{"HEADERS 1 end=true,true 16384 bytes"}},
		{"block of two", AppendHeaders(nil, Header{Stream: 1}, make([]byte, 16385), 16384), []string{"HEADERS 1 end=false,false 16384 bytes", "CONTINUATION 1 end=true 1 bytes"}},
		{"block of three", AppendHeaders(nil, Header{Stream: 1, Flags: FlagEndStream}, make([]byte, 60000), 20000), []string{
			"HEADERS 1 end=true,false 20000 bytes", "CONTINUATION 1 end=false 20000 bytes", "CONTINUATION 1 end=true 20000 bytes",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := readTheirs(c.raw); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got %q; want %q", got, c.want)
			}
			var s Sequence
			for rest := c.raw; len(rest) > 0; {
				h, ok := Parse(rest)
				if fault := Check(h, PayloadBytesMax); !ok || fault != nil {
					t.Fatalf("we refuse it ourselves: %v", fault)
				}
				if fault := s.Next(h); fault != nil {
					t.Fatalf("we refuse it ourselves: %v", fault)
				}
				rest = rest[HeaderBytes+int(h.Length):]
			}
			if s.Open() {
				t.Error("the header block is open")
			}
		})
	}
}

func TestPrefaceIsTheirs(t *testing.T) {
	if Preface != http2.ClientPreface {
		t.Errorf("got %q; want %q", Preface, http2.ClientPreface)
	}
}
