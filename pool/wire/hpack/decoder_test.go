package hpack

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

// huffman is s as the wire has it.
func huffman(s string) []byte {
	n := huffmanBytes([]byte(s))
	return appendHuffman(appendInteger(nil, 0x80, 7, uint32(n)), []byte(s), n)
}

// plain is s as the wire has it.
func plain(s string) []byte { return append(appendInteger(nil, 0, 7, uint32(len(s))), s...) }

func TestBlocksThatCannotBeDecoded(t *testing.T) {
	for _, c := range []struct {
		name  string
		block []byte
		want  error
	}{
		{"index 0", unhex("80"), ErrIndex},
		{"index behind the static table", unhex("be"), ErrIndex},
		{"index far behind", unhex("ff ff ff 03"), ErrIndex},
		{"index cut off", unhex("ff"), ErrTruncated},
		{"index without end", unhex("ff 80 80 80 80"), ErrTruncated},
		{"index of six bytes", unhex("ff 80 80 80 80 80"), ErrInteger},
		{"index of many bytes", append(unhex("ff"), bytes.Repeat([]byte{0x80}, 1000)...), ErrInteger},
		{"index of 32 bits", unhex("ff ff ff ff ff 0f"), ErrInteger},
		{"index of 35 bits", unhex("ff ff ff ff ff 7f"), ErrInteger},
		{"name index too large", unhex("7e 00"), ErrIndex},
		{"name index cut off", unhex("7f"), ErrTruncated},
		{"name missing", unhex("40"), ErrTruncated},
		{"name cut off", unhex("40 05 61"), ErrTruncated},
		{"value missing", unhex("40 01 61"), ErrTruncated},
		{"value missing behind an index", unhex("01"), ErrTruncated},
		{"value cut off", unhex("01 02 61"), ErrTruncated},
		{"value longer than memory", unhex("01 7f 80 ff ff ff 07"), ErrTruncated},
		{"length overflows", unhex("01 7f ff ff ff ff 7f"), ErrInteger},
		{"padding of a byte", unhex("01 82 1f ff"), ErrHuffman},
		{"padding of zeros", unhex("01 81 18"), ErrHuffman},
		{"padding alone", unhex("01 81 ff"), ErrHuffman},
		{"EOS", unhex("01 84 ff ff ff ff"), ErrHuffman},
		{"EOS and more", unhex("01 8c ff ff ff fc 00 00 00 00 00 00 00 00"), ErrHuffman},
		{"Huffman in the name", unhex("00 81 ff 00"), ErrHuffman},
		{"table above the limit", unhex("3f e2 1f"), ErrTableSize},
		{"table size cut off", unhex("3f e1"), ErrTruncated},
		{"table size behind a field", unhex("82 20"), ErrLateSize},
		{"table size between fields", unhex("82 3f e1 1f 84"), ErrLateSize},
	} {
		t.Run(c.name, func(t *testing.T) {
			var d Decoder
			d.Reset(Limits{})
			if _, err := decodeAll(&d, c.block); !errors.Is(err, c.want) {
				t.Fatalf("got %v; want %v", err, c.want)
			}
			// The table is out of step: nothing is decoded any more.
			if lines, err := decodeAll(&d, unhex("82")); !errors.Is(err, c.want) || lines != nil {
				t.Errorf("afterwards: got %q, %v; want %v again", lines, err, c.want)
			}
			if err := d.Skip(); !errors.Is(err, c.want) {
				t.Errorf("afterwards: skip got %v; want %v again", err, c.want)
			}
			d.Reset(Limits{})
			d.Begin(c.block)
			if err := d.Skip(); !errors.Is(err, c.want) {
				t.Errorf("skipped: got %v; want %v", err, c.want)
			}
		})
	}
}

func TestIntegersMayBeFilledUp(t *testing.T) {
	var d Decoder
	d.Reset(Limits{})
	lines, err := decodeAll(&d, unhex("3f 81 80 80 80 00 82"))
	if err != nil || !slices.Equal(lines, []string{":method: GET"}) || d.table.max != 32 {
		t.Errorf("got %q, %v with a table of %d; want GET and 32", lines, err, d.table.max)
	}
}

func TestFieldIdentityDependsOnBytesAlone(t *testing.T) {
	var d Decoder
	d.Reset(Limits{})
	var block []byte
	add := func(parts ...[]byte) { block = append(block, slices.Concat(parts...)...) }
	want := []Field{}
	expect := func(id ID, entry Entry, sensitive bool) {
		want = append(want, Field{ID: id, Entry: entry, Sensitive: sensitive})
	}
	add(unhex("82"))
	expect(IDMethod, EntryMethodGET, false)
	add(unhex("83"))
	expect(IDMethod, EntryMethodPOST, false)
	add(unhex("02"), plain("POST")) // named by the entry of GET
	expect(IDMethod, EntryMethodPOST, false)
	add(unhex("00"), plain(":method"), huffman("GET"))
	expect(IDMethod, EntryMethodGET, false)
	add(unhex("40"), plain(":scheme"), plain("https"))
	expect(IDScheme, EntrySchemeHTTPS, false)
	add(unhex("be")) // the one before, from the dynamic table
	expect(IDScheme, EntrySchemeHTTPS, false)
	add(unhex("0f 2f"), plain("http")) // named by the one before
	expect(IDScheme, EntrySchemeHTTP, false)
	add(unhex("10"), plain("authorization"), plain("x"))
	expect(IDAuthorization, EntryNone, true)
	add(unhex("1f 11"), plain("")) // cookie
	expect(IDCookie, Entry(IDCookie), true)
	add(unhex("90"))
	expect(IDAcceptEncoding, EntryAcceptEncoding, false)
	add(unhex("00"), plain("accept-encoding"), plain("gzip"))
	expect(IDAcceptEncoding, EntryNone, false)
	add(unhex("00"), plain("www-authenticate"), plain("Basic"))
	expect(IDWWWAuthenticate, EntryNone, false)
	for _, name := range []string{"x-other", "", "Accept", "accept-", ":metho", ":methods", "METHOD"} {
		add(unhex("00"), plain(name), plain("GET"))
		expect(IDOther, EntryNone, false)
	}
	d.Begin(block)
	var f Field
	for i, w := range want {
		more, err := d.Next(&f)
		if !more || f.ID != w.ID || f.Entry != w.Entry || f.Sensitive != w.Sensitive {
			t.Errorf("field %d, %q: got %d, %d, %v (%v); want %d, %d, %v", i, line(f.Name, f.Value), f.ID, f.Entry, f.Sensitive, err, w.ID, w.Entry, w.Sensitive)
		}
	}
	if more, err := d.Next(&f); more || err != nil {
		t.Errorf("got %v, %v; want the end", more, err)
	}
}

func TestEveryNameOfTheStaticTableIsKnown(t *testing.T) {
	for i := 1; i <= staticEntries; i++ {
		f := &staticTable[i]
		if got := idOf(f.name, hash(f.name)); got != f.id || !bytes.Equal(got.Name(), f.name) {
			t.Errorf("%q: got %d, %q; want %d", f.name, got, got.Name(), f.id)
		}
		if got := entryOf(f.id, f.value); got != Entry(i) {
			t.Errorf("%q %q: got entry %d; want %d", f.name, f.value, got, i)
		}
	}
	if IDOther.Name() != nil || ID(62).Name() != nil {
		t.Error("unknown names have a name")
	}
}

func TestListAboveTheLimitKeepsTheTableInStep(t *testing.T) {
	big := strings.Repeat("v", 3000)
	block := slices.Concat(unhex("40"), plain("big"), plain(big), // 3035 bytes
		bytes.Repeat(unhex("be"), 10000),                // a bomb: 30 MB
		unhex("40"), plain("late"), huffman("inserted"), // must get into the table
		unhex("bf")) // the big one, which is second now
	var d Decoder
	d.Reset(Limits{ListBytes: 10000})
	lines, err := decodeAll(&d, block)
	if !errors.Is(err, ErrTooLarge) || len(lines) != 3 {
		t.Fatalf("got %d fields, %v; want 3, %v", len(lines), err, ErrTooLarge)
	}
	if more, err := d.Next(new(Field)); more || !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, %v; want %v again", more, err, ErrTooLarge)
	}
	if err := d.Skip(); err != nil {
		t.Fatalf("skip: %v", err)
	}
	if lines, err := decodeAll(&d, unhex("be bf")); err != nil || !slices.Equal(lines, []string{"late: inserted", "big: " + big}) {
		t.Errorf("next block: got %d fields, %v; want both entries", len(lines), err)
	}
}

func TestListAtTheLimitPasses(t *testing.T) {
	block := slices.Concat(unhex("82"), unhex("00"), plain("name"), huffman("value"))
	size := fieldBytes(len(":method"), len("GET")) + fieldBytes(4, 5)
	for limit, want := range map[int]error{size: nil, size - 1: ErrTooLarge} {
		var d Decoder
		d.Reset(Limits{ListBytes: limit})
		if _, err := decodeAll(&d, block); !errors.Is(err, want) {
			t.Errorf("limit %d: got %v; want %v", limit, err, want)
		}
	}
}

func TestStringAboveTheLimit(t *testing.T) {
	long := strings.Repeat("x", tableBytesDefault+1)
	for _, c := range []struct {
		name  string
		block []byte
		kept  bool // the entry that was there
	}{
		{"plain value", slices.Concat(unhex("00"), plain("n"), plain(long)), true},
		{"coded value", slices.Concat(unhex("00"), plain("n"), huffman(long)), true},
		{"coded value that looks short", slices.Concat(unhex("00"), plain("n"), huffman(strings.Repeat("0", tableBytesDefault+1))), true},
		{"name", slices.Concat(unhex("10"), huffman(long), plain("v")), true},
		{"value to be indexed", slices.Concat(unhex("40"), plain("n"), plain(long)), false},
		{"name to be indexed", slices.Concat(unhex("40"), huffman(long), huffman("v")), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var d Decoder
			d.Reset(Limits{StringBytes: 1}) // is raised to the table's size
			if _, err := decodeAll(&d, slices.Concat(unhex("40"), plain("a"), plain("b"))); err != nil {
				t.Fatal(err)
			}
			if _, err := decodeAll(&d, slices.Concat(c.block, unhex("82"))); !errors.Is(err, ErrTooLarge) {
				t.Fatalf("got %v; want %v", err, ErrTooLarge)
			}
			if err := d.Skip(); err != nil {
				t.Fatalf("skip: %v", err)
			}
			if kept := d.table.live == 1; kept != c.kept {
				t.Errorf("the entry of the table is there: %v; want %v", kept, c.kept)
			}
			if lines, err := decodeAll(&d, slices.Concat(unhex("00"), plain("n"), huffman(long[1:]))); err != nil || len(lines) != 1 {
				t.Errorf("one byte less: got %d fields, %v; want 1", len(lines), err)
			}
		})
	}
}

// TestTableFloodEnds: three bytes on the wire that copy 4 KB each.
func TestTableFloodEnds(t *testing.T) {
	name := strings.Repeat("n", 4000)
	block := slices.Concat(unhex("40"), huffman(name), plain(""), bytes.Repeat(unhex("7e 00"), 20000))
	var d Decoder
	d.Reset(Limits{})
	if _, err := decodeAll(&d, block); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("got %v; want %v", err, ErrTooLarge)
	}
	if err := d.Skip(); !errors.Is(err, ErrFlood) {
		t.Fatalf("got %v; want %v", err, ErrFlood)
	}
	if d.copied > floodFactor*d.limits.ListBytes+tableBytesDefault {
		t.Errorf("%d bytes went into the table", d.copied)
	}
}

func TestTableSizeUpdates(t *testing.T) {
	entry := slices.Concat(unhex("40"), plain("name"), plain("value")) // 41 bytes
	for _, c := range []struct {
		name   string
		max    int // what the peer acknowledged
		block  []byte
		want   error
		live   int
		tables int
	}{
		{"none owed", 4096, unhex("be"), nil, 1, 4096},
		{"raised, none owed", 8192, unhex("be"), nil, 1, 4096},
		{"raised", 8192, unhex("3f e1 3f be"), nil, 1, 8192},
		{"raised above", 8192, unhex("3f e2 3f"), ErrTableSize, 1, 4096},
		{"lowered, and said", 100, unhex("3f 45 be"), nil, 1, 100},
		{"lowered, and said lower", 100, unhex("20"), nil, 0, 0},
		{"lowered, and lower, and up", 100, unhex("20 3f 45 82"), nil, 0, 100},
		{"lowered, not said", 100, unhex("be"), ErrTableSize, 1, 4096},
		{"lowered, said behind a field", 100, unhex("82 3f 45"), ErrTableSize, 1, 4096},
		{"lowered, and said too high", 100, unhex("3f 46"), ErrTableSize, 1, 4096},
		{"lowered to what evicts", 40, unhex("3f 09"), nil, 0, 40},
		{"nothing", 0, unhex("20 82"), nil, 0, 0},
		{"negative is nothing", -1, unhex("20 82"), nil, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var d Decoder
			d.Reset(Limits{})
			if _, err := decodeAll(&d, entry); err != nil {
				t.Fatal(err)
			}
			d.SetTableMax(c.max)
			if _, err := decodeAll(&d, c.block); !errors.Is(err, c.want) {
				t.Errorf("got %v; want %v", err, c.want)
			}
			if d.table.live != c.live || d.table.max != c.tables {
				t.Errorf("got %d entries of %d; want %d of %d", d.table.live, d.table.max, c.live, c.tables)
			}
		})
	}
}

func TestBlockLeftUnreadIsNoticed(t *testing.T) {
	var d Decoder
	d.Reset(Limits{})
	d.Begin(unhex("82 84"))
	if more, err := d.Next(new(Field)); !more || err != nil {
		t.Fatalf("got %v, %v; want a field", more, err)
	}
	_, err := decodeAll(&d, unhex("82"))
	if !errors.Is(err, ErrUnread) || err.Error() != "cannot decode header block: header_block_unread" {
		t.Errorf("got %v; want %v", err, ErrUnread)
	}
	d.Reset(Limits{})
	if lines, err := decodeAll(&d, unhex("82")); len(lines) != 1 || err != nil {
		t.Errorf("after Reset: got %q, %v; want a field", lines, err)
	}
}

// TestFieldsStayUntilTheNext: a name that is taken from the table, and pushed out
// of it by the very field it names (RFC 7541 section 4.4).
func TestFieldsStayUntilTheNext(t *testing.T) {
	var d Decoder
	d.Reset(Limits{})
	d.table.resize(100)
	if _, err := decodeAll(&d, slices.Concat(unhex("40"), plain("the-name"), plain("old"))); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		value := strings.Repeat(string(rune('a'+i%26)), 40+i%20) // sometimes it fits exactly
		d.Begin(slices.Concat(unhex("7e"), huffman(value)))
		var f Field
		if more, err := d.Next(&f); !more || err != nil || line(f.Name, f.Value) != "the-name: "+value {
			t.Fatalf("got %q, %v, %v; want value %q", line(f.Name, f.Value), more, err, value)
		}
		if err := d.Skip(); err != nil {
			t.Fatal(err)
		}
	}
	d.Begin(slices.Concat(unhex("7e"), plain(strings.Repeat("x", 100)))) // fits in no table
	var f Field
	if more, err := d.Next(&f); !more || err != nil || string(f.Name) != "the-name" || d.table.live != 0 {
		t.Errorf("got %q, %v, %v, %d entries; want the name and an empty table", f.Name, more, err, d.table.live)
	}
}
