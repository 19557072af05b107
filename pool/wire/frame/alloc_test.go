//go:build !race

package frame

import "testing"

func TestNothingAllocates(t *testing.T) {
	dst := make([]byte, 0, 1<<16)
	block := make([]byte, 40000)
	ping := [8]byte{1, 2, 3}
	var s Sequence
	n := testing.AllocsPerRun(1000, func() {
		dst = AppendSettings(dst[:0], Setting{SettingEnablePush, 0}, Setting{SettingInitialWindowSize, 1 << 20})
		dst = AppendSettingsAck(dst)
		dst = AppendHeaders(dst, Header{Stream: 3, Flags: FlagEndStream}, block, PayloadBytesMin)
		dst = AppendDataHeader(dst, 3, 0, true)
		dst = AppendPingAck(AppendPing(dst, ping), ping)
		dst = AppendWindowUpdate(AppendWindowUpdate(dst, 0, 1), 3, 1)
		dst = AppendRSTStream(dst, 3, CodeCancel)
		dst = AppendGoAway(dst, 3, CodeProtocol, ErrPadding.Cause)
		for rest := dst; len(rest) > 0; {
			h, ok := Parse(rest)
			if !ok || Check(h, PayloadBytesMin) != nil || s.Next(h) != nil {
				t.Fatalf("%+v is refused", h)
			}
			payload := rest[HeaderBytes : HeaderBytes+int(h.Length)]
			if fault := read(h, payload); fault != nil {
				t.Fatal(fault)
			}
			rest = rest[HeaderBytes+int(h.Length):]
		}
		if Check(Header{Length: 1, Type: TypePing}, PayloadBytesMin) != ErrSize {
			t.Fatal("a short PING passes")
		}
	})
	if n != 0 {
		t.Errorf("got %v allocations; want 0", n)
	}
}
