package apikey

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/engine/auth/live"
)

func sumOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

func TestKeysAreFoundByTheirSum(t *testing.T) {
	file := "# keys\nbob:" + sumOf("b1") + "\nteam:x:" + strings.ToUpper(sumOf("c1")) + "\r\n"
	k, err := New([]Key{{"ann", sumOf("a1")}, {"ann", sumOf("a2")}}, []live.File{{Name: "f", Data: []byte(file)}})
	if err != nil {
		t.Fatal(err)
	}
	if k.Len() != 4 {
		t.Errorf("got %d keys; want 4", k.Len())
	}
	for presented, want := range map[string]string{
		"a1": "ann", "a2": "ann", "b1": "bob", "c1": "team:x",
		"": "", "a": "", "a1" + " ": "", "A1": "", sumOf("a1"): "", strings.Repeat("a", KeyBytesMax+1): "",
	} {
		if got, ok := k.Find([]byte(presented)); got != want || ok != (want != "") {
			t.Errorf("%.20q: got %q, %v; want %q", presented, got, ok, want)
		}
	}
	if _, ok := (&Keys{}).Find([]byte("a1")); ok {
		t.Error("a key was found where there is none")
	}
}

func TestKeysThatStartAlikeAreCompared(t *testing.T) {
	other := sha256.Sum256([]byte("a1"))
	other[31] ^= 1
	k, err := New([]Key{{"ann", hex.EncodeToString(other[:])}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := k.Find([]byte("a1")); ok {
		t.Error("a sum that only begins alike was taken")
	}
}

func TestLongestKeyIsTaken(t *testing.T) {
	long := strings.Repeat("a", KeyBytesMax)
	k, err := New([]Key{{"ann", sumOf(long)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if name, _ := k.Find([]byte(long)); name != "ann" {
		t.Errorf("got %q; want ann", name)
	}
}

func TestWrongKeysAreNamedAndNotShown(t *testing.T) {
	good := sumOf("a1")
	for _, c := range []struct {
		list []Key
		file string
		want string
	}{
		{[]Key{{"ann", good}, {"bob", "secret"}}, "", "keys[1]: the SHA-256 of a key is 64 hexadecimal digits"},
		{[]Key{{"", good}}, "", "keys[0]: a key has a name"},
		{[]Key{{"a\nb", good}}, "", "keys[0]: a key has a name"},
		{[]Key{{"ann", good}, {"bob", good}}, "", `keys[1]: the key of "bob" is that of "ann", too`},
		{[]Key{{"ann", sumOf("")}}, "", "keys[0]: this is the SHA-256 of an empty key"},
		{nil, "\nann:" + good[1:], "f:2: the SHA-256 of a key is 64 hexadecimal digits"},
		{nil, "ann:" + good + "00", "f:1: the SHA-256 of a key is 64 hexadecimal digits"},
		{nil, "secret", "f:1: a key is name:sha256"},
		{nil, ":" + good, "f:1: a key has a name"},
	} {
		_, err := New(c.list, []live.File{{Name: "f", Data: []byte(c.file)}})
		if err == nil || err.Error() != c.want {
			t.Errorf("got %v; want %s", err, c.want)
		}
	}
}

func TestTheWordBearerIsTakenOff(t *testing.T) {
	for value, want := range map[string]string{
		"Bearer k": "k", "bearer k": "k", "BEARER   k": "k", "k": "k", "": "", "Bearer": "Bearer", "Bearer ": "",
		"Bearerk": "Bearerk", "Bearer\tk": "Bearer\tk", "Basic k": "Basic k", "\"earer k": "\"earer k",
	} {
		if got := string(Bare([]byte(value))); got != want {
			t.Errorf("%q: got %q; want %q", value, got, want)
		}
	}
}

// FuzzFile: a file is refused with its line, or each of its keys is known.
func FuzzFile(f *testing.F) {
	f.Add([]byte("ann:" + sumOf("a1") + "\n#\n\nbob : " + sumOf("b1")))
	f.Add([]byte("ann:"))
	f.Fuzz(func(t *testing.T, data []byte) {
		files := []live.File{{Name: "f", Data: data}}
		k, err := New(nil, files)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f:") {
				t.Errorf("the error %q names no line", err)
			}
			return
		}
		lines := 0
		for range files[0].Lines() {
			lines++
		}
		if k.Len() != lines {
			t.Errorf("%d keys of %d lines", k.Len(), lines)
		}
	})
}

func BenchmarkFind(b *testing.B) {
	k, err := New([]Key{{"ann", sumOf("a1")}}, nil)
	if err != nil {
		b.Fatal(err)
	}
	presented := []byte(strings.Repeat("0123456789abcdef", 4))
	b.ReportAllocs()
	for b.Loop() {
		k.Find(presented)
	}
}
