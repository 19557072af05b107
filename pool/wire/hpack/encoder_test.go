package hpack

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// link is a connection in memory: what is encoded is decoded at once.
type link struct {
	t *testing.T
	e Encoder
	d Decoder
}

func newLink(t *testing.T) *link {
	t.Helper()
	l := &link{t: t}
	l.e.Reset()
	l.d.Reset(Limits{})
	return l
}

// send encodes a field as a block of its own and returns its length.
func (l *link) send(name, value string, how Indexing) int {
	l.t.Helper()
	block := l.e.AppendField(nil, []byte(name), []byte(value), how)
	lines, err := decodeAll(&l.d, block)
	if want := strings.ToLower(name) + ": " + value; err != nil || len(lines) != 1 || lines[0] != want {
		l.t.Fatalf("%x: got %q, %v; want %q", block, lines, err, want)
	}
	if got, want := dump(&l.e.table), dump(&l.d.table); !slices.Equal(got, want) {
		l.t.Fatalf("tables differ: %q and %q", got, want)
	}
	return len(block)
}

func TestIndexing(t *testing.T) {
	for _, c := range []struct {
		name, field, value string
		how                Indexing
		third              int // the length of the field when sent for the third time
		first              byte
		live               int
	}{
		{"index", "X-Frame-Options", "DENY", Index, 1, 0x40, 1},
		{"static name", "Server", "nginx", Index, 1, 0x76, 1},
		{"repeated", "X-Frame-Options", "DENY", IndexRepeated, 1, 0, 1},
		{"no", "X-Frame-Options", "DENY", NoIndex, 18, 0, 0},
		{"never", "X-Frame-Options", "DENY", NeverIndex, 18, 0x10, 0},
		{"whole entry of the static table", ":method", "GET", Index, 1, 0x82, 0},
		{"entry of the static table, not to be indexed", ":method", "GET", NoIndex, 1, 0x82, 0},
		{"entry of the static table, never indexed", ":method", "GET", NeverIndex, 5, 0x12, 0},
		{"auto never", "Cookie", "a=b", Auto, 6, 0x1f, 0},
		{"auto no", "ETag", "1", Auto, 4, 0x0f, 0},
		{"auto yes", "Content-Type", "text/css", Auto, 1, 0x5f, 1},
		{"auto repeated", "X-Powered-By", "PHP", Auto, 1, 0, 1},
		{"auto secret", "X-Api-Key", "k", Auto, 11, 0x10, 0},
		{"takes most of the table", "X-Large", strings.Repeat("0", 3100), Index, 1949, 0, 0},
		{"takes not quite most", "X-Large", strings.Repeat("0", 3000), Index, 1, 0x40, 1},
		{"long name", strings.Repeat("Name-", 13), "v", Index, 69, 0, 0},
		{"long name, never", strings.Repeat("Name-", 13), "v", NeverIndex, 69, 0x10, 0},
		{"empty", "", "", Index, 1, 0x40, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLink(t)
			var twin Encoder
			twin.Reset()
			if got := twin.AppendField(nil, []byte(c.field), []byte(c.value), c.how)[0]; got != c.first {
				t.Errorf("got first byte %#x; want %#x", got, c.first)
			}
			l.send(c.field, c.value, c.how)
			l.send(c.field, c.value, c.how)
			if got := l.send(c.field, c.value, c.how); got != c.third || l.e.table.live != c.live {
				t.Errorf("got %d bytes, %d entries; want %d, %d", got, l.e.table.live, c.third, c.live)
			}
		})
	}
}

func TestSensitiveStaysSensitive(t *testing.T) {
	var e Encoder
	var d Decoder
	e.Reset()
	d.Reset(Limits{})
	for _, how := range []Indexing{Index, NoIndex, NeverIndex} {
		d.Begin(e.AppendField(nil, []byte("x-name"), []byte("v"), how))
		var f Field
		if more, err := d.Next(&f); !more || err != nil || f.Sensitive != (how == NeverIndex) {
			t.Errorf("%d: got %v, %v", how, f.Sensitive, err)
		}
		if err := d.Skip(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNameOfTheTableIsUsed(t *testing.T) {
	l := newLink(t)
	l.send("x-some-long-name", "1", Index)
	for i := range 5 {
		if got := l.send("X-Some-Long-Name", strconv.Itoa(i+2), Index); got != 3 {
			t.Errorf("got %d bytes; want 3: an index and a digit", got)
		}
	}
	if got := l.send("X-Some-Long-Name", "9", IndexRepeated); got != 4 {
		t.Errorf("got %d bytes; want 4: a two-byte index and a digit", got)
	}
}

// TestEachWayFindsTheOthersEntries: by name and by ID.
func TestEachWayFindsTheOthersEntries(t *testing.T) {
	var e Encoder
	e.Reset()
	e.AppendNamed(nil, IDServer, []byte("a"), Index)
	if got := e.AppendField(nil, []byte("Server"), []byte("a"), Index); !bytes.Equal(got, []byte{0x80 | 62}) {
		t.Errorf("got %x; want the entry", got)
	}
	e.AppendField(nil, []byte("Vary"), []byte("b"), Index)
	if got := e.AppendNamed(nil, IDVary, []byte("b"), Auto); !bytes.Equal(got, []byte{0x80 | 62}) {
		t.Errorf("got %x; want the entry", got)
	}
	if got := e.AppendEntry(e.AppendStatus(nil, 404), EntryMethodPOST); !bytes.Equal(got, []byte{0x80 | 13, 0x80 | 3}) {
		t.Errorf("got %x; want two entries of the static table", got)
	}
	e.AppendStatus(nil, 503)
	if got := e.AppendStatus(nil, 503); !bytes.Equal(got, []byte{0x80 | 62}) {
		t.Errorf("got %x; want the entry", got)
	}
}

func TestPeerChangesTableSize(t *testing.T) {
	for _, c := range []struct {
		name  string
		sizes []uint32
		want  string // what the next block begins with
	}{
		{"the same", []uint32{4096}, ""},
		{"more than we use", []uint32{65536, 1 << 31}, ""},
		{"less", []uint32{100}, "3f 45"},
		{"none", []uint32{0}, "20"},
		{"less, and the same again", []uint32{100, 100}, "3f 45"},
		{"less, and much", []uint32{100, 65536}, "20 3f e1 1f"},
		{"less, and more", []uint32{100, 200}, "20 3f a9 01"},
		{"less and less", []uint32{200, 100}, "3f 45"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLink(t)
			l.send("x-a", "1", Index)
			l.send("x-b", "2", Index)
			for _, size := range c.sizes {
				l.e.SetTableMax(size)
				l.d.SetTableMax(int(min(size, tableBytesMax)))
			}
			twin := l.e
			twin.table.ring = slices.Clone(twin.table.ring)
			if got := twin.AppendEntry(nil, EntryMethodGET); !bytes.Equal(got, append(unhex(c.want), 0x82)) {
				t.Errorf("got %x; want %s before 82", got, c.want)
			}
			l.send("x-c", "3", Index)
			if got := l.send(":method", "GET", Auto); got != 1 {
				t.Errorf("got %d bytes; want the size said once", got)
			}
		})
	}
}

func TestTableOfNoSize(t *testing.T) {
	l := newLink(t)
	l.e.SetTableMax(0)
	l.d.SetTableMax(0)
	for range 3 {
		l.send("Server", "nginx", Index)
	}
	if l.e.table.live != 0 || l.e.table.text != nil {
		t.Error("the table is used")
	}
}

// TestOldEntriesAreForgotten pushes entries out, past the end of their numbers.
func TestOldEntriesAreForgotten(t *testing.T) {
	l := newLink(t)
	l.e.table.made = 1<<16 - 1000
	for i := range 2000 {
		l.send("x-"+string(rune('a'+i%7)), strconv.Itoa(i%(50+i/30)), Index)
	}
}

func TestLowerName(t *testing.T) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for size := range lowerRoom + 1 {
		for from := 0; from+size <= len(every); from += 3 {
			var room [lowerRoom]byte
			name := every[from : from+size]
			var want []byte
			for _, c := range name {
				if 'A' <= c && c <= 'Z' {
					c += 'a' - 'A'
				}
				want = append(want, c)
			}
			if got := lowerName(&room, name); !bytes.Equal(got, want) {
				t.Fatalf("%q: got %q; want %q", name, got, want)
			}
		}
	}
}

func TestResetForgets(t *testing.T) {
	l := newLink(t)
	l.send("x-a", "1", IndexRepeated)
	l.send("x-a", "1", IndexRepeated)
	l.e.SetTableMax(7)
	l.e.Reset()
	l.d.Reset(Limits{})
	if got := l.send("x-a", "1", IndexRepeated); got != 7 || l.e.table.live != 0 {
		t.Errorf("got %d bytes, %d entries; want 7, 0", got, l.e.table.live)
	}
	l.send("x-a", "1", IndexRepeated)
	if got := l.send("x-a", "1", IndexRepeated); got != 1 {
		t.Errorf("got %d bytes; want 1", got)
	}
}
