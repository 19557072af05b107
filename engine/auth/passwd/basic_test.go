package passwd

import (
	"encoding/base64"
	"strings"
	"testing"
)

func TestCredentialsAreRead(t *testing.T) {
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	longName, longPassword := strings.Repeat("n", NameBytesMax), strings.Repeat("p", PasswordBytesMax)
	for _, c := range []struct{ value, want string }{
		{"Basic " + encode("ann:secret"), "ann|secret"},
		{"bAsIc   " + encode("ann:secret") + " ", "ann|secret"},
		{"Basic " + strings.TrimRight(encode("ann:s"), "="), "ann|s"},
		{"Basic " + encode("ann:a:b:c"), "ann|a:b:c"},
		{"Basic " + encode("ann:"), "ann|"},
		{"Basic " + encode(":secret"), "|secret"},
		{"Basic " + encode("änn:pässwörd€"), "änn|pässwörd€"},
		{"Basic " + encode(longName+":"+longPassword), longName + "|" + longPassword},
		{"Basic " + encode(longName+"n:p"), "none"},
		{"Basic " + encode("n:p"+longPassword), "none"},
		{"Basic " + strings.Repeat("A", 8000), "none"},
		{"Basic " + encode("ann"), "none"},
		{"Basic " + encode("a\nn:x"), "none"},
		{"Basic " + encode("ann:x\x00"), "none"},
		{"Basic !!!!", "none"},
		{"Basic", "none"},
		{"Basic ", "none"},
		{"Bearer " + encode("ann:secret"), "none"},
		{"Basic" + encode("ann:secret"), "none"},
		{"Basic " + encode("ann:secret") + " x", "none"},
		{"", "none"},
	} {
		got := "none"
		var room Room
		if name, password, ok := Credentials([]byte(c.value), &room); ok {
			got = string(name) + "|" + string(password)
		}
		if got != c.want {
			t.Errorf("%.60s: got %.40s; want %.40s", c.value, got, c.want)
		}
	}
}

// FuzzCredentials: what is read is what was encoded.
func FuzzCredentials(f *testing.F) {
	f.Add([]byte("Basic YW5uOnNlY3JldA=="))
	f.Add([]byte("basic YW5uOnM"))
	f.Fuzz(func(t *testing.T, value []byte) {
		var room Room
		name, password, ok := Credentials(value, &room)
		if !ok {
			return
		}
		encoded := base64.RawStdEncoding.EncodeToString([]byte(string(name) + ":" + string(password)))
		given := strings.TrimRight(strings.Trim(string(value[len(scheme):]), " "), "=")
		decoded, err := base64.RawStdEncoding.DecodeString(given) // its last digit may have bits to spare
		if err != nil || base64.RawStdEncoding.EncodeToString(decoded) != encoded {
			t.Errorf("%q: got %q and %q", value, name, password)
		}
	})
}
