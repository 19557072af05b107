package codec

import (
	"strconv"
	"strings"
	"testing"
)

// chosen is what the usual policy offers to a request with these Accept-Encoding lines.
func chosen(t testing.TB, p *Policy, lines ...string) Coding {
	t.Helper()
	var fields strings.Builder
	for _, line := range lines {
		fields.WriteString("Accept-Encoding: " + line + "\r\n")
	}
	return Coding(p.Offer(request(t, "GET", fields.String())))
}

func TestAcceptEncoding(t *testing.T) {
	all := policy(t, nil)
	for _, c := range []struct {
		name  string
		lines []string
		want  Coding
	}{
		{"absent", nil, Identity},
		{"empty", []string{""}, Identity},
		{"identity", []string{"identity"}, Identity},
		{"gzip", []string{"gzip"}, Gzip},
		{"x-gzip", []string{"x-gzip"}, Gzip},
		{"in capitals", []string{"GZip"}, Gzip},
		{"chrome", []string{"gzip, deflate, br, zstd"}, Zstd},
		{"safari", []string{"gzip, deflate, br"}, Brotli},
		{"curl", []string{"deflate, gzip, br, zstd"}, Zstd},
		{"go", []string{"gzip"}, Gzip},
		{"dictionaries of others", []string{"dcb, dcz"}, Identity},
		{"dictionaries beside", []string{"dcb, dcz, br"}, Brotli},
		{"deflate alone", []string{"deflate"}, Identity},
		{"compress alone", []string{"compress, x-compress"}, Identity},
		{"no coding of ours by its beginning", []string{"gzipped, brr, zst"}, Identity},
		{"order of the client means nothing", []string{"gzip, br"}, Brotli},
		{"weights", []string{"gzip;q=1.0, br;q=0.5, zstd;q=0.1"}, Gzip},
		{"equal weights", []string{"br;q=0.8, gzip;q=0.8, zstd;q=0.8"}, Zstd},
		{"thousandths", []string{"zstd;q=0.998, br;q=0.999"}, Brotli},
		{"q=0", []string{"zstd;q=0, br;q=0, gzip"}, Gzip},
		{"q=0.000", []string{"zstd;q=0.000, gzip"}, Gzip},
		{"q=0.", []string{"zstd;q=0., gzip"}, Gzip},
		{"q=1.", []string{"gzip;q=1."}, Gzip},
		{"all q=0", []string{"gzip;q=0"}, Identity},
		{"capital q", []string{"gzip;Q=0.5, br;Q=0"}, Gzip},
		{"space around", []string{" gzip ; q=0.5 ,\tbr\t;\tq=0.4 "}, Gzip},
		{"asterisk", []string{"*"}, Zstd},
		{"asterisk q=0", []string{"*;q=0"}, Identity},
		{"asterisk q=0 beside", []string{"gzip, *;q=0"}, Gzip},
		{"asterisk but", []string{"zstd;q=0, *"}, Brotli},
		{"asterisk above", []string{"zstd;q=0.2, br;q=0.2, *"}, Gzip},
		{"asterisk below", []string{"gzip;q=0.9, *;q=0.1"}, Gzip},
		{"identity refused", []string{"identity;q=0, gzip"}, Gzip},
		{"identity refused with all", []string{"identity;q=0, *;q=0"}, Identity},
		{"identity at equal weight", []string{"identity, gzip"}, Gzip},
		{"identity above", []string{"identity;q=1, gzip;q=0.5"}, Identity},
		{"identity above the asterisk", []string{"identity;q=0.5, *;q=0.4"}, Identity},
		{"identity below", []string{"gzip;q=0.5, identity;q=0.4"}, Gzip},
		{"two lines", []string{"gzip", "br"}, Brotli},
		{"two lines that disagree", []string{"gzip", "gzip;q=0"}, Identity},
		{"the lower of two weights", []string{"br;q=0.1, gzip;q=0.5, br"}, Gzip},
		{"x-gzip is the same coding", []string{"x-gzip, gzip;q=0"}, Identity},
		{"empty elements", []string{",, gzip,"}, Gzip},
		{"weight too great", []string{"gzip;q=1.001"}, Identity},
		{"weight 2", []string{"gzip;q=2"}, Identity},
		{"negative weight", []string{"gzip;q=-1"}, Identity},
		{"four digits", []string{"gzip;q=0.1234"}, Identity},
		{"no number", []string{"gzip;q=high"}, Identity},
		{"no digit", []string{"gzip;q="}, Identity},
		{"no leading digit", []string{"gzip;q=.5"}, Identity},
		{"space inside", []string{"gzip;q= 1"}, Identity},
		{"quoted weight", []string{`gzip;q="1"`}, Identity},
		{"exponent", []string{"gzip;q=1e0"}, Identity},
		{"other parameter", []string{"gzip;level=9"}, Identity},
		{"parameter behind the weight", []string{"gzip;q=1;level=9"}, Identity},
		{"bare semicolon", []string{"gzip;"}, Identity},
		{"unreadable weight beside the asterisk", []string{"zstd;q=x, br;q=x, *"}, Gzip},
		{"tokens without a comma", []string{"gzip br"}, Identity},
		{"quoted token", []string{`"gzip"`}, Identity},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := chosen(t, all, c.lines...); got != c.want {
				t.Errorf("%q: got %s; want %s", c.lines, got, c.want)
			}
		})
	}
}

func TestOnlyConfiguredCodingsAreUsed(t *testing.T) {
	for _, c := range []struct {
		encodings []Coding
		line      string
		want      Coding
	}{
		{[]Coding{Gzip}, "gzip, br, zstd", Gzip},
		{[]Coding{Gzip}, "br, zstd", Identity},
		{[]Coding{Gzip}, "*", Gzip},
		{[]Coding{Gzip}, "gzip;q=0, *", Identity},
		{[]Coding{Gzip, Zstd}, "gzip, br, zstd", Gzip},
		{[]Coding{Gzip, Zstd}, "gzip;q=0.5, br, zstd", Zstd},
		{[]Coding{Brotli}, "gzip, deflate, br", Brotli},
	} {
		p := policy(t, func(s *Settings) { s.Encodings = c.encodings })
		if got := chosen(t, p, c.line); got != c.want {
			t.Errorf("%v, %q: got %s; want %s", c.encodings, c.line, got, c.want)
		}
	}
}

// FuzzAcceptEncoding compares with a plain reading of RFC 9110 section 12.5.3, and sees
// that the order of the elements means nothing.
func FuzzAcceptEncoding(f *testing.F) {
	for _, seed := range []string{
		"gzip, deflate, br, zstd", "gzip;q=1.0, *;q=0", "identity;q=0.5, br;q=0.49", "*", "", "x-gzip;q=.5,gzip ;q=0.001",
		"zstd;q=0.999,br;Q=1.000,;q=1", "gzip;q=1;q=0", "GZIP,\t*;q=0.1", "identity;q=0,gzip;q=0",
	} {
		f.Add(seed)
	}
	prefer := []Coding{Zstd, Brotli, Gzip}
	f.Fuzz(func(t *testing.T, value string) {
		choose := func(value string) Coding {
			said := nothingSaid
			said.add([]byte(value))
			return said.choose(prefer)
		}
		got := choose(value)
		if want := plainChoice(value); got.String() != want {
			t.Errorf("%q: got %s; want %s", value, got, want)
		}
		elements := strings.Split(value, ",")
		for i, j := 0, len(elements)-1; i < j; i, j = i+1, j-1 {
			elements[i], elements[j] = elements[j], elements[i]
		}
		if back := choose(strings.Join(elements, ",")); back != got {
			t.Errorf("%q: got %s; want %s as in the other order", elements, back, got)
		}
	})
}

// plainChoice is choose for zstd, br, gzip, on text and floating point numbers.
func plainChoice(value string) string {
	weights := map[string]float64{}
	for element := range strings.SplitSeq(value, ",") {
		token, parameters, weighted := strings.Cut(element, ";")
		token = asciiLower(strings.Trim(token, " \t"))
		if token == "x-gzip" {
			token = "gzip"
		}
		q := 1.0
		if weighted {
			q = plainWeight(strings.Trim(parameters, " \t"))
		}
		if old, ok := weights[token]; !ok || q < old {
			weights[token] = q
		}
	}
	best, most := "identity", 0.0
	for _, token := range []string{"zstd", "br", "gzip"} {
		q, ok := weights[token]
		if !ok {
			q = weights["*"]
		}
		if q > most {
			best, most = token, q
		}
	}
	if weights["identity"] > most {
		return "identity"
	}
	return best
}

func plainWeight(p string) float64 {
	digits, ok := strings.CutPrefix(asciiLower(p), "q=")
	if !ok || len(digits) > len("0.000") || strings.Trim(digits, "0123456789.") != "" || digits == "" ||
		len(digits) > 1 && digits[1] != '.' {
		return 0
	}
	q, err := strconv.ParseFloat(digits, 64)
	if err != nil || q > 1 {
		return 0
	}
	return q
}

func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r | 0x20
		}
		return r
	}, s)
}
