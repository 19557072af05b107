package hpack

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
)

// unhex reads hexadecimal digits in groups.
func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		panic(err)
	}
	return b
}

// line is a field as the tests write it: name, colon, space, value.
func line(name, value []byte) string { return string(name) + ": " + string(value) }

// decodeAll decodes a block to lines.
func decodeAll(d *Decoder, block []byte) (lines []string, err error) {
	d.Begin(block)
	for {
		var f Field
		more, err := d.Next(&f)
		if !more {
			return lines, err
		}
		lines = append(lines, line(f.Name, f.Value))
	}
}

// dump lists a table, newest first.
func dump(t *table) (lines []string) {
	for i := range t.live {
		lines = append(lines, line(t.strings(t.get(i))))
	}
	return lines
}

// rfcBlock is one example of RFC 7541 appendix C.
type rfcBlock struct {
	block string
	lines []string
	table []string
	bytes int
}

var (
	rfcRequests = [][]string{
		{":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"},
		{":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com", "cache-control: no-cache"},
		{":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com", "custom-key: custom-value"},
	}
	rfcRequestTables = [][]string{
		{":authority: www.example.com"},
		{"cache-control: no-cache", ":authority: www.example.com"},
		{"custom-key: custom-value", "cache-control: no-cache", ":authority: www.example.com"},
	}
	rfcRequestBytes = []int{57, 110, 164}
	rfcResponses    = [][]string{
		{":status: 302", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:21 GMT", "location: https://www.example.com"},
		{":status: 307", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:21 GMT", "location: https://www.example.com"},
		{
			":status: 200", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:22 GMT", "location: https://www.example.com",
			"content-encoding: gzip", "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
		},
	}
	rfcResponseTables = [][]string{
		{"location: https://www.example.com", "date: Mon, 21 Oct 2013 20:13:21 GMT", "cache-control: private", ":status: 302"},
		{":status: 307", "location: https://www.example.com", "date: Mon, 21 Oct 2013 20:13:21 GMT", "cache-control: private"},
		{
			"set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1", "content-encoding: gzip",
			"date: Mon, 21 Oct 2013 20:13:22 GMT",
		},
	}
	rfcResponseBytes = []int{222, 222, 215}
)

// rfcSeries are the examples of one section, on one connection.
type rfcSeries struct {
	name  string
	max   int
	plain bool // strings are not Huffman-coded
	steps []rfcBlock
}

func rfcSteps(lines, tables [][]string, sizes []int, blocks ...string) (steps []rfcBlock) {
	for i, block := range blocks {
		steps = append(steps, rfcBlock{block: block, lines: lines[i], table: tables[i], bytes: sizes[i]})
	}
	return steps
}

var rfcExamples = []rfcSeries{
	{"C.2.1", 4096, true, []rfcBlock{{
		"400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
		[]string{"custom-key: custom-header"},
		[]string{"custom-key: custom-header"},
		55,
	}}},
	{"C.2.2", 4096, true, []rfcBlock{{"040c 2f73 616d 706c 652f 7061 7468", []string{":path: /sample/path"}, nil, 0}}},
	{"C.2.3", 4096, true, []rfcBlock{{"1008 7061 7373 776f 7264 0673 6563 7265 74", []string{"password: secret"}, nil, 0}}},
	{"C.2.4", 4096, true, []rfcBlock{{"82", []string{":method: GET"}, nil, 0}}},
	{"C.3", 4096, true, rfcSteps(
		rfcRequests, rfcRequestTables, rfcRequestBytes,
		"8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
		"8286 84be 5808 6e6f 2d63 6163 6865",
		"8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
	)},
	{"C.4", 4096, false, rfcSteps(
		rfcRequests, rfcRequestTables, rfcRequestBytes,
		"8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
		"8286 84be 5886 a8eb 1064 9cbf",
		"8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
	)},
	{"C.5", 256, true, rfcSteps(
		rfcResponses, rfcResponseTables, rfcResponseBytes,
		`4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32
		3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
		"4803 3330 37c1 c0bf",
		`88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970
		7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61
		6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31`,
	)},
	{"C.6", 256, false, rfcSteps(
		rfcResponses, rfcResponseTables, rfcResponseBytes,
		`4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad
		1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
		"4883 640e ffc1 c0bf",
		`88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2
		e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
	)},
}

func TestDecodesExamplesOfRFC(t *testing.T) {
	for _, series := range rfcExamples {
		t.Run(series.name, func(t *testing.T) {
			var d Decoder
			d.Reset(Limits{})
			d.table.resize(series.max)
			for i, step := range series.steps {
				lines, err := decodeAll(&d, unhex(step.block))
				if err != nil || !slices.Equal(lines, step.lines) {
					t.Fatalf("block %d: got %q, %v; want %q", i+1, lines, err, step.lines)
				}
				if got := dump(&d.table); !slices.Equal(got, step.table) || d.table.bytes != step.bytes {
					t.Errorf("after block %d: got table %q of %d; want %q of %d", i+1, got, d.table.bytes, step.table, step.bytes)
				}
			}
		})
	}
}

// TestEncodesExamplesOfRFC leaves out the examples with plain strings: the
// encoder takes the shorter form, as it should.
func TestEncodesExamplesOfRFC(t *testing.T) {
	for _, series := range rfcExamples {
		if series.plain && series.name != "C.2.4" {
			continue
		}
		t.Run(series.name, func(t *testing.T) {
			var e Encoder
			e.Reset()
			e.table.resize(series.max)
			for i, step := range series.steps {
				var block []byte
				for _, l := range step.lines {
					name, value, _ := strings.Cut(l[1:], ": ")
					block = e.AppendField(block, []byte(l[:1]+name), []byte(value), Index)
				}
				want := unhex(step.block)
				if series.name == "C.6" && i == 1 {
					// The example codes "307" in Huffman, which is no shorter.
					want = unhex("4803 3330 37c1 c0bf")
				}
				if !bytes.Equal(block, want) {
					t.Errorf("block %d: got %x; want %x", i+1, block, want)
				}
				if got := dump(&e.table); !slices.Equal(got, step.table) || e.table.bytes != step.bytes {
					t.Errorf("after block %d: got table %q of %d; want %q of %d", i+1, got, e.table.bytes, step.table, step.bytes)
				}
			}
		})
	}
}

// TestEncodesPlainExamplesOfRFC puts the parts together as the examples do.
func TestEncodesPlainExamplesOfRFC(t *testing.T) {
	plain := func(dst []byte, s string) []byte { return append(appendInteger(dst, 0, 7, uint32(len(s))), s...) }
	for _, c := range []struct {
		name, block string
		got         []byte
	}{
		{"C.2.1", rfcExamples[0].steps[0].block, plain(plain(appendInteger(nil, 0x40, 6, 0), "custom-key"), "custom-header")},
		{"C.2.2", rfcExamples[1].steps[0].block, plain(appendInteger(nil, 0, 4, uint32(IDPath)), "/sample/path")},
		{"C.2.3", rfcExamples[2].steps[0].block, plain(plain(appendInteger(nil, 0x10, 4, 0), "password"), "secret")},
	} {
		if want := unhex(c.block); !bytes.Equal(c.got, want) {
			t.Errorf("%s: got %x; want %x", c.name, c.got, want)
		}
	}
}

func TestIntegersOfRFC(t *testing.T) {
	for _, c := range []struct {
		name   string
		prefix uint
		value  int
		wire   string
	}{
		{"C.1.1", 5, 10, "0a"},
		{"C.1.2", 5, 1337, "1f9a0a"},
		{"C.1.3", 7, 42, "2a"},
		{"prefix full", 7, 127, "7f00"},
		{"largest", 4, integerMax, "0ff0ffffff07"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := appendInteger(nil, 0, c.prefix, uint32(c.value)); !bytes.Equal(got, unhex(c.wire)) {
				t.Errorf("got %x; want %s", got, c.wire)
			}
			value, next, err := readInteger(append(unhex(c.wire), 0xff), 0, c.prefix)
			if value != c.value || next != len(c.wire)/2 || err != nil {
				t.Errorf("got %d to %d, %v; want %d to %d", value, next, err, c.value, len(c.wire)/2)
			}
		})
	}
}
