package accesslog

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// hostile are texts by which clients have forged lines of others.
var hostile = []string{
	"", " ", `"`, `\`, `\"`, "a b=c", `","status":200,"x":"`, "x\" status=200 y=\"", "\n{\"status\":200}\n", "\r\n127.0.0.1 - - [", "\x00", "\x1b[2J\x1b]0;x\a",
	"\xff\xfe", "\xc2\x9b31m", "\xe2\x80\xa8", "\xe2\x80\xae", "\xc0\xaf", "\xed\xa0\x80", "a\x7fb", "ünï\tcode", "\\x22", "\\u0022", "%0a%22", "=", "==\"\"",
	strings.Repeat("a", 7) + `"`, strings.Repeat("a", 8) + "\x80", strings.Repeat("\"", 33), "1234567\x1f", "\x20\x20\x20\x20\x20\x20\x20\x20",
}

// hostileEntry has a text wherever a peer may have a say.
func hostileEntry(text []byte) *Entry {
	h := &wire.RequestHead{Method: text, Target: text, Path: text, Query: text, Host: text}
	raw := append([]byte("User-AgentRefererTraceparentX-TenantCookie"), text...)
	at := uint32(len(raw) - len(text))
	line := func(begin, stop uint32, id wire.FieldID) {
		h.Fields = append(h.Fields, wire.Field{NameOff: begin, NameEnd: stop, ValueOff: at, ValueEnd: uint32(len(raw)), ID: id})
	}
	h.Raw = raw
	line(0, 10, wire.FieldUserAgent)
	line(10, 17, wire.FieldReferer)
	line(17, 28, wire.FieldTraceparent)
	line(28, 36, wire.FieldOther)
	line(36, 42, wire.FieldCookie)
	e := &Entry{Head: h, Peer: string(text), ID: text, Listener: string(text), Route: string(text), Pool: string(text), Backend: string(text), SNI: string(text), Protocol: "HTTP/1.1"}
	e.Client = netip.MustParseAddr("fe80::1")
	if len(text) > 0 && len(text) < 100 {
		e.Client = e.Client.WithZone(string(text))
	}
	return e
}

// survives fails unless a line of each format is one line, strictly parsed, whose fields are
// those of the entry.
func survives(t *testing.T, text []byte) {
	t.Helper()
	e := hostileEntry(text)
	e.Tunnel = len(text)%2 == 1
	for _, format := range []string{"json", "logfmt", "combined"} {
		fields := everyField()
		if format == "combined" {
			fields = nil
		}
		got := program(format, redactedByDefault, fields...).Append(nil, e)
		line, ok := bytes.CutSuffix(got, []byte{'\n'})
		if !ok || bytes.ContainsAny(line, "\n\r\x00\x1b\x7f") || !utf8.Valid(line) || bytes.Contains(line, []byte("\u009b")) {
			t.Fatalf("%s: got %q; want one line that any terminal may show", format, got)
		}
		all, err := parsers[format](string(line))
		if err != nil {
			t.Fatalf("%s of %q: %v in %s", format, text, err, line)
		}
		if status, _ := value(all, "status"); status != "0" {
			t.Fatalf("%s of %q: got the status %s in %s", format, text, status, line)
		}
		agree(t, format, text, all)
	}
}

// agree fails unless the text comes back as it was, what is no UTF-8 replaced.
func agree(t *testing.T, format string, text []byte, all []pair) {
	t.Helper()
	want := string(text)
	if format != "combined" {
		want = strings.ToValidUTF8(replaced(text), "")
	}
	for _, key := range []string{"method", "host", "peer", "listener"} {
		got, ok := value(all, key)
		if ok && got != want && (format != "combined" || key != "peer") {
			t.Errorf("%s of %s: got %q; want %q", format, key, got, want)
		}
		if !ok && format != "combined" && want != "" {
			t.Errorf("%s: no %s of %q", format, key, text)
		}
	}
}

// replaced is text with a replacement character for each byte that is no UTF-8.
func replaced(text []byte) string {
	var b strings.Builder
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		b.WriteRune(r)
		text = text[n:]
	}
	return b.String()
}

func TestNoTextForgesALine(t *testing.T) {
	for _, text := range hostile {
		t.Run(fmt.Sprintf("%q", text), func(t *testing.T) { survives(t, []byte(text)) })
	}
	for b := range 256 { // each byte, at each place of a word of eight
		for at := range 17 {
			text := bytes.Repeat([]byte{'a'}, 17)
			text[at] = byte(b)
			survives(t, text)
		}
	}
}

// FuzzLine is survives for whatever comes to mind.
func FuzzLine(f *testing.F) {
	for _, text := range hostile {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) { survives(t, text) })
}

func TestRedaction(t *testing.T) {
	for _, tc := range []struct {
		name         string
		redact       []string
		target, want string
	}{
		{"a key", []string{"query:token"}, "/a?token=x&b=1", "/a?token=***&b=1"},
		{"without a query", []string{"query:token"}, "/token=x", "/token=x"},
		{"in other case", []string{"query:Token"}, "/a?TOKEN=x", "/a?TOKEN=***"},
		{"escaped", []string{"query:token"}, "/a?%74o%6Ben=x&%7=y", "/a?%74o%6Ben=***&%7=y"},
		{"twice", []string{"query:token"}, "/a?token=x&token=y", "/a?token=***&token=***"},
		{"behind a semicolon", []string{"query:token"}, "/a?b=1;token=x", "/a?b=1;token=***"},
		{"in a second query", []string{"query:token"}, "/a?u=http://b/?token=x", "/a?u=http://b/?token=***"},
		{"in a fragment", []string{"query:token"}, "/a?b#token=x", "/a?b#token=***"},
		{"with signs of equality", []string{"query:token"}, "/a?token=x=y=", "/a?token=***"},
		{"empty", []string{"query:token"}, "/a?token=", "/a?token=***"},
		{"without a value", []string{"query:token"}, "/a?token", "/a?token"},
		{"part of a key", []string{"query:token"}, "/a?tokens=x&atoken=y", "/a?tokens=x&atoken=y"},
		{"of two", []string{"query:a", "query:b"}, "?a=1&b=2&c=3", "?a=***&b=***&c=3"},
		{"all", []string{"query:*"}, "/a?b=1&c&d=2", "/a?b=***&c&d=***"},
		{"a long key", []string{"query:token"}, "?" + strings.Repeat("k", 300) + "=x", "?" + strings.Repeat("k", 300) + "=***"},
		{"none", nil, "/a?token=x", "/a?token=x"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := NewRedaction(tc.redact)
			if got := string(r.AppendTarget(nil, []byte(tc.target))); got != tc.want {
				t.Errorf("got %q; want %q", got, tc.want)
			}
		})
	}
	r := NewRedaction([]string{"Authorization", "x-api-KEY", "query:a"})
	for name, want := range map[string]bool{"authorization": true, "AUTHORIZATION": true, "X-Api-Key": true, "X-Api-Keys": false, "a": false, "": false} {
		if got := r.Hides([]byte(name)); got != want {
			t.Errorf("%q: hidden %v; want %v", name, got, want)
		}
	}
	if (*Redaction)(nil).Hides([]byte("Cookie")) {
		t.Error("no redaction hides something")
	}
}

// Whatever is asked for, a value that is redacted stands in no line.
func TestRedactedValuesStandInNoLine(t *testing.T) {
	redact := []string{"Cookie", "Referer", "User-Agent", "Host", "X-Tenant", "X-Request-Id", "Traceparent", "query:page", "query:token"}
	secrets := []string{"hunter2", "Mozilla", "shop", "www.example.org", "0123456789abcdef", "4bf92f35", "page=2", `"2"`}
	for _, format := range []string{"json", "logfmt", "combined"} {
		fields := everyField()
		if format == "combined" {
			fields = nil
		}
		e := usualEntry(t)
		e.SNI = "" // which is not of the head
		line := lineOf(t, program(format, redact, fields...), e)
		for _, secret := range secrets {
			if strings.Contains(line, secret) {
				t.Errorf("%s has %q: %s", format, secret, line)
			}
		}
	}
}
