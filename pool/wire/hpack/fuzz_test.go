package hpack

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	theirs "golang.org/x/net/http2/hpack"
)

// splitBlocks cuts what the fuzzer made into header blocks, each after a byte
// with its length.
func splitBlocks(raw []byte) (blocks [][]byte) {
	for len(raw) > 0 {
		n := min(int(raw[0]), len(raw)-1)
		blocks = append(blocks, raw[1:1+n])
		raw = raw[1+n:]
	}
	return blocks
}

func joinBlocks(blocks ...[]byte) (raw []byte) {
	for _, b := range blocks {
		raw = append(append(raw, byte(len(b))), b...)
	}
	return raw
}

// tooLax are the errors for what x/net accepts: integers up to 63 bits, and size
// updates behind fields while its table is empty.
var tooLax = []error{ErrInteger, ErrLateSize}

// FuzzDecoder puts the decoder beside that of x/net, and beside itself with
// limits, over several blocks of a connection.
func FuzzDecoder(f *testing.F) {
	for _, series := range rfcExamples {
		var blocks [][]byte
		for _, step := range series.steps {
			blocks = append(blocks, unhex(step.block))
		}
		f.Add(joinBlocks(blocks...), uint16(100))
	}
	f.Add(joinBlocks(unhex("20 3f e1 1f 82"), unhex("3f 01 40 01 61 01 62 be 7e 01 63 82"), unhex("be bf 20")), uint16(40))
	f.Add(joinBlocks(append(unhex("40 03 61 62 63 7f 40"), make([]byte, 200)...), bytes.Repeat([]byte{0xbe}, 200)), uint16(1))
	f.Add(joinBlocks(unhex("40 83 ff ff ff 00 82"), unhex("ff ff ff ff ff ff 01")), uint16(1000))
	f.Fuzz(func(t *testing.T, raw []byte, limit uint16) { checkDecoding(t, splitBlocks(raw), int(limit)+1) })
}

// checkDecoding decodes the blocks of one connection in every way. It returns
// how many of them are valid.
func checkDecoding(t *testing.T, blocks [][]byte, limit int) int {
	t.Helper()
	var d, limited, skipped Decoder
	d.Reset(Limits{ListBytes: 1 << 30})
	limited.Reset(Limits{ListBytes: limit})
	skipped.Reset(Limits{ListBytes: 1 << 30})
	their := theirs.NewDecoder(tableBytesDefault, nil)
	for i, block := range blocks {
		got, err := decodeFields(t, &d, block)
		checkPartial(t, &d, &limited, &skipped, block, err)
		want, wrong := their.DecodeFull(block)
		if wrong == nil && slices.Contains(tooLax, err) || err == nil && wrong != nil && updatesTwice(block) {
			return i
		}
		if (err == nil) != (wrong == nil) {
			t.Fatalf("%x: got %v; x/net says %v", block, err, wrong)
		}
		if err != nil {
			return i
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%x: got %q; x/net says %q", block, got, want)
		}
	}
	return len(blocks)
}

// decodeFields decodes a block to what x/net calls fields, and holds ID and Entry
// against the strings.
func decodeFields(t *testing.T, d *Decoder, block []byte) (fields []theirs.HeaderField, err error) {
	t.Helper()
	fields = []theirs.HeaderField{}
	d.Begin(block)
	for {
		var f Field
		more, err := d.Next(&f)
		if !more {
			return fields, err
		}
		id, entry := IDOther, EntryNone
		for i := range staticTable {
			if s := &staticTable[i]; i > 0 && bytes.Equal(s.name, f.Name) {
				id = s.id
				if bytes.Equal(s.value, f.Value) {
					entry = Entry(i)
				}
			}
		}
		if f.ID != id || f.Entry != entry {
			t.Fatalf("%q: got ID %d, entry %d; want %d, %d", line(f.Name, f.Value), f.ID, f.Entry, id, entry)
		}
		fields = append(fields, theirs.HeaderField{Name: string(f.Name), Value: string(f.Value), Sensitive: f.Sensitive})
	}
}

// checkPartial decodes a block with a limit, skipping what is above, and without
// looking at any field. All tables must agree with that of d, which decoded it
// with the result want.
func checkPartial(t *testing.T, d, limited, skipped *Decoder, block []byte, want error) {
	t.Helper()
	skipped.Begin(block)
	if err := skipped.Skip(); !errors.Is(err, want) {
		t.Fatalf("%x: skipping got %v; want %v", block, err, want)
	}
	_, err := decodeAll(limited, block)
	if errors.Is(err, ErrTooLarge) {
		err = limited.Skip()
	}
	if errors.Is(err, ErrFlood) {
		limited.Reset(Limits{ListBytes: 1 << 30}) // catches up with d below
		limited.table = d.table
		limited.table.text, limited.table.ring = slices.Clone(d.table.text), slices.Clone(d.table.ring)
		err = want
	}
	if !errors.Is(err, want) {
		t.Fatalf("%x: with a limit got %v; want %v", block, err, want)
	}
	if want != nil {
		return
	}
	entries := dump(&d.table)
	if a, b := dump(&limited.table), dump(&skipped.table); !slices.Equal(a, entries) || !slices.Equal(b, entries) {
		t.Fatalf("%x: tables differ: %q, with a limit %q, skipped %q", block, entries, a, b)
	}
}

// updatesTwice tells a block with two size updates, of which x/net refuses the
// second unless its table is empty.
func updatesTwice(block []byte) bool {
	_, next, fault := readInteger(block, 0, 5)
	return fault == nil && next < len(block) && block[0]&0xe0 == 0x20 && block[next]&0xe0 == 0x20
}

// fuzzNames are names the fuzzer chooses from, beside those it makes up.
var fuzzNames = []string{
	":path", ":status", "Content-Type", "X-Frame-Options", "x-frame-options", "Cookie", "Accept-Encoding", "X_Y", "",
	"Www-Authenticate", strings.Repeat("Long-", 13),
}

// FuzzEncoder encodes what the fuzzer says field by field, and has both decoders
// read it; x/net's encoder writes the same for our decoder.
func FuzzEncoder(f *testing.F) {
	f.Add([]byte("\x01\x02ab\x01\x02ab\xff\x00\x01\x02ab\x22\x03abc\x22\x03abc\x43\x01z"))
	f.Add([]byte("\xfe\x10\x01\x02ab\x11\x02ab\x01\x02ab\xfe\x00\x01\x05abcde\xfd\xff\xfe\x04\x01\x02ab"))
	f.Add(bytes.Repeat([]byte("\x08\x06123456\x0a\x04Name\x19\x06abcdef\xff\x01"), 30))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 1<<14 {
			return
		}
		checkEncoding(t, raw)
	})
}

// checkEncoding runs a program of fields, ends of blocks and table sizes.
func checkEncoding(t *testing.T, raw []byte) {
	t.Helper()
	l := newFuzzLink(t)
	for len(raw) >= 2 {
		op, arg := raw[0], raw[1]
		raw = raw[2:]
		switch op {
		case 0xff:
			l.flush()
		case 0xfe:
			l.resize(uint32(arg) * 32)
		default:
			n := min(int(arg), len(raw))
			l.add(op, raw[:n])
			raw = raw[n:]
		}
	}
	l.flush()
}

// fuzzLink is a connection in memory with both packages on both sides.
type fuzzLink struct {
	t       *testing.T
	e       Encoder
	d       Decoder // of what their encoder writes
	mine    Decoder // of what our encoder writes
	yours   *theirs.Decoder
	encoder *theirs.Encoder
	theirs  bytes.Buffer
	block   []byte
	fields  []theirs.HeaderField
}

func newFuzzLink(t *testing.T) *fuzzLink {
	t.Helper()
	l := &fuzzLink{t: t, yours: theirs.NewDecoder(tableBytesDefault, nil)}
	l.e.Reset()
	l.d.Reset(Limits{ListBytes: 1 << 30})
	l.mine.Reset(Limits{ListBytes: 1 << 30})
	l.encoder = theirs.NewEncoder(&l.theirs)
	return l
}

// add encodes one field; op chooses name, indexing and the way in.
func (l *fuzzLink) add(op byte, value []byte) {
	how := Indexing(op >> 4 % 5)
	name := fuzzNames[int(op&15)%len(fuzzNames)]
	if cut := bytes.IndexByte(value, ':'); cut >= 0 {
		name, value = string(value[:cut]), value[cut+1:]
	}
	lowered := make([]byte, len(name))
	for i := range len(name) {
		lowered[i] = lowerByte(name[i])
	}
	if id := idOf(lowered, hash(lowered)); id != IDOther && op&0x80 != 0 {
		l.block = l.e.AppendNamed(l.block, id, value, how)
	} else {
		l.block = l.e.AppendField(l.block, []byte(name), value, how)
	}
	resolved := how
	if how == Auto {
		resolved = IndexingOf(idOf(lowered, hash(lowered)), lowered)
	}
	if len(name) > lowerRoom && how == Auto {
		resolved = NoIndex
	}
	field := theirs.HeaderField{Name: string(lowered), Value: string(value), Sensitive: resolved == NeverIndex}
	l.fields = append(l.fields, field)
	field.Sensitive = how == NeverIndex
	if err := l.encoder.WriteField(field); err != nil {
		l.t.Fatal(err)
	}
}

// resize is a SETTINGS frame between two blocks.
func (l *fuzzLink) resize(size uint32) {
	l.flush()
	l.e.SetTableMax(size)
	l.mine.SetTableMax(int(size))
	l.yours.SetAllowedMaxDynamicTableSize(size)
	l.encoder.SetMaxDynamicTableSize(min(size, tableBytesDefault))
	l.d.SetTableMax(int(size))
}

// flush ends the block.
func (l *fuzzLink) flush() {
	l.t.Helper()
	if len(l.fields) == 0 {
		return
	}
	for name, decode := range map[string]func([]byte) ([]theirs.HeaderField, error){
		"x/net": l.yours.DecodeFull,
		"ours":  func(b []byte) ([]theirs.HeaderField, error) { return decodeFields(l.t, &l.mine, b) },
	} {
		if got, err := decode(l.block); err != nil || !slices.Equal(got, l.fields) {
			l.t.Fatalf("%x: %s reads %q, %v; want %q", l.block, name, got, err, l.fields)
		}
	}
	if got, want := dump(&l.e.table), dump(&l.mine.table); !slices.Equal(got, want) {
		l.t.Fatalf("tables differ: %q and %q", got, want)
	}
	got, err := decodeFields(l.t, &l.d, l.theirs.Bytes())
	if err != nil || len(got) != len(l.fields) {
		l.t.Fatalf("%x of x/net: got %q, %v; want %q", l.theirs.Bytes(), got, err, l.fields)
	}
	for i := range got {
		if got[i].Name != l.fields[i].Name || got[i].Value != l.fields[i].Value {
			l.t.Fatalf("%x of x/net: got %q; want %q", l.theirs.Bytes(), got[i], l.fields[i])
		}
	}
	l.block, l.fields = l.block[:0], l.fields[:0]
	l.theirs.Reset()
}
