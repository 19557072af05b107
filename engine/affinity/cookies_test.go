package affinity

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
)

var places = []string{"10.0.0.1:80", "10.0.0.2:80"}

// values are computed by another program: what clients hold must stay good over
// versions, and two proxies of one secret must agree.
var values = []string{"ORIB6GUK5pQ.U1jRz9YxYFgRDrDltJ8d8Q", "YOd6MUDDDTg.uad6N6Kzr3zRHm6MFO9SBA"}

func usual() *Cookies { return NewCookies("p", hourly(config.Sticky{}), "one", places) }

// hourly is a section with the defaults of what tests do not change.
func hourly(s config.Sticky) *config.Sticky {
	s.TTL, s.HTTPOnly = time.Hour, true
	return &s
}

func TestCookieOfAMember(t *testing.T) {
	for _, c := range []struct {
		name    string
		section config.Sticky
		https   bool
		want    string
	}{
		{"usual", *hourly(config.Sticky{}), false, "isame_p=" + values[1] + ".1000; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"},
		{"named, over TLS", *hourly(config.Sticky{Cookie: "c"}), true, "c=" + values[1] + ".1000; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure"},
		{"shortest", config.Sticky{TTL: time.Millisecond, HTTPOnly: true}, false, "isame_p=" + values[1] + ".1000; Path=/; Max-Age=1; HttpOnly; SameSite=Lax"},
		{"of a session, for scripts", config.Sticky{SameSite: "strict"}, false, "isame_p=" + values[1] + ".1000; Path=/; SameSite=Strict"},
		{
			"of other sites", *hourly(config.Sticky{SameSite: "none", Secure: "always", Path: "/a"}), false,
			"isame_p=" + values[1] + ".1000; Path=/a; Max-Age=3600; HttpOnly; SameSite=None; Secure",
		},
		{"never secure", *hourly(config.Sticky{Secure: "never"}), true, "isame_p=" + values[1] + ".1000; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := string(NewCookies("p", &c.section, "one", places).Append([]byte("x"), 1, 1000, c.https))
			if want := "xSet-Cookie: " + c.want + "\r\n"; got != want {
				t.Errorf("got %q; want %q", got, want)
			}
		})
	}
	if NewCookies("p", nil, "one", places) != nil {
		t.Error("cookies without a section")
	}
}

func TestCookieIsFound(t *testing.T) {
	const now = 1000
	long := strconv.FormatInt(math.MaxInt64, 10)
	for _, c := range []struct {
		name, value string
		index       int
		age         int64
	}{
		{"first", values[0] + ".1000", 0, 0},
		{"second", values[1] + ".940", 1, 60},
		{"from the future", values[1] + ".1060", 1, -60},
		{"leading zeros", values[0] + ".000940", 0, 60},
		{"none", "", -1, 0},
		{"no time", values[0], -1, 0},
		{"empty time", values[0] + ".", -1, 0},
		{"no number", values[0] + ".1x", -1, 0},
		{"negative", values[0] + ".-1", -1, 0},
		{"a number that does not end", values[0] + "." + long + long, -1, 0},
		{"another's proof", values[0][:idChars] + values[1][idChars:] + ".1000", -1, 0},
		{"unknown member", strings.Repeat("A", idChars) + values[0][idChars:] + ".1000", -1, 0},
		{"other case", strings.ToLower(values[0]) + ".1000", -1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if index, age := usual().Find([]byte(c.value), now); index != c.index || age != c.age {
				t.Errorf("got %d of %d minutes; want %d of %d", index, age, c.index, c.age)
			}
		})
	}
}

// A cookie of another pool or of another secret is none.
func TestCookieOfOthersIsNone(t *testing.T) {
	section := config.Sticky{TTL: time.Hour}
	for name, other := range map[string]*Cookies{
		"pool": NewCookies("q", &section, "one", places), "secret": NewCookies("p", &section, "two", places),
	} {
		if index, _ := other.Find([]byte(values[0]+".1000"), 1000); index != -1 {
			t.Errorf("another %s: got %d; want -1", name, index)
		}
	}
}

func TestCookieIsRenewedAtHalfItsLife(t *testing.T) {
	for _, c := range []struct {
		age  int64
		want bool
	}{{0, false}, {29, false}, {30, true}, {10000, true}, {-1, true}} {
		if got := usual().IsOld(c.age); got != c.want {
			t.Errorf("%d minutes: got %v; want %v", c.age, got, c.want)
		}
	}
	session := NewCookies("p", &config.Sticky{}, "one", places)
	if session.IsOld(1e6) || !session.IsOld(-1) {
		t.Error("a cookie of a session is renewed by its age, or kept from the future")
	}
}

// FuzzFind: whatever is found was given, whoever has changed its time.
func FuzzFind(f *testing.F) {
	f.Add([]byte(values[0]+".1000"), int64(1000))
	f.Add([]byte(values[1]+".99999999999999999999"), int64(math.MaxInt64/60))
	f.Add([]byte(values[1][:20]+".1"), int64(0))
	s := usual()
	f.Fuzz(func(t *testing.T, value []byte, nowMinutes int64) {
		if nowMinutes < 0 || nowMinutes > math.MaxInt64/60 {
			return
		}
		index, age := s.Find(value, nowMinutes)
		proof, given, _ := strings.Cut(strings.Replace(string(value), ".", ":", 1), ".")
		proof = strings.Replace(proof, ":", ".", 1)
		if index >= 0 && proof != values[index] {
			t.Errorf("%q: got %d; want none", value, index)
		}
		if n, err := strconv.ParseInt(given, 10, 64); index >= 0 && (err != nil || age != nowMinutes-n) {
			t.Errorf("%q at %d: got an age of %d", value, nowMinutes, age)
		}
	})
}
