package hpack

import (
	"bytes"
	"testing"

	theirs "golang.org/x/net/http2/hpack"
)

// decodeText decodes a Huffman-coded string with room to spare.
func decodeText(coded []byte) (string, error) {
	room := make([]byte, len(coded)*8/huffmanBitsMin+2)
	n, fault := decodeHuffman(room, coded)
	if fault != nil {
		return "", fault
	}
	return string(room[:n]), nil
}

func TestEverySymbolInEveryPlace(t *testing.T) {
	for symbol := range huffmanEOS {
		for before := range 9 {
			for _, after := range []int{0, 1, 3, 9} {
				s := bytes.Repeat([]byte("0"), before) // shifts by 5 bits each
				s = append(s, byte(symbol))
				s = append(s, bytes.Repeat([]byte("~"), after)...)
				want := theirs.AppendHuffmanString(nil, string(s))
				n := huffmanBytes(s)
				if got := appendHuffman(nil, s, n); n != len(want) || !bytes.Equal(got, want) {
					t.Fatalf("%q: got %x of %d; want %x", s, got, n, want)
				}
				if got, err := decodeText(want); got != string(s) || err != nil {
					t.Fatalf("%x: got %q, %v; want %q", want, got, err, s)
				}
			}
		}
	}
}

func TestHuffmanNeedsItsRoom(t *testing.T) {
	for size := range 40 {
		s := bytes.Repeat([]byte("a"), size)
		coded := appendHuffman(nil, s, huffmanBytes(s))
		for room := range size + 3 {
			want := size
			if room < size+2 { // it writes in pairs
				want = -1
			}
			got, err := decodeHuffman(make([]byte, room), coded)
			if size > 0 && room < size && got != -1 || room >= size+2 && got != size || err != nil {
				t.Errorf("%d symbols in %d bytes: got %d, %v; want %d", size, room, got, err, want)
			}
		}
	}
}

func FuzzHuffman(f *testing.F) {
	for _, s := range []string{"", "www.example.com", "\x00\xff\x16\n", "aaaaaaaaaaaaaaaaaaaaaaaa~", "\xff\xff\xff\xff\xff\xff\xff\xff", "\x1f\xff"} {
		f.Add([]byte(s))
		f.Add(theirs.AppendHuffmanString(nil, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		coded := appendHuffman([]byte("kept"), b, huffmanBytes(b))
		if want := theirs.AppendHuffmanString([]byte("kept"), string(b)); !bytes.Equal(coded, want) {
			t.Fatalf("%q: got %x; want %x", b, coded, want)
		}
		if got, err := decodeText(coded[4:]); got != string(b) || err != nil {
			t.Fatalf("%x: got %q, %v; want %q", coded[4:], got, err, b)
		}
		got, err := decodeText(b)
		want, wrong := theirs.HuffmanDecodeToString(b)
		if (err == nil) != (wrong == nil) || err == nil && got != want {
			t.Fatalf("%x: got %q, %v; want %q, %v", b, got, err, want, wrong)
		}
	})
}
