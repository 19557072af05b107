package affinity

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strconv"
	"time"

	"github.com/isame-lb/isame-lb/config"
)

// Cookies is a pool's sticky section, compiled for its members: all cookie
// values there can be are made here, so that a request costs one lookup and one
// comparison.
//
// A value is id.mac.time: which backend, the proof that we said so (HMAC-SHA256
// over pool and backend, RFC 2104), and when, in minutes of the Unix clock. The
// time is not proved: who changes it only changes when his cookie is renewed.
type Cookies struct {
	Name    string // of the cookie
	ttl     time.Duration
	byID    map[string]int // index of the member
	values  []string       // id.mac by index
	options string         // what follows the value in Set-Cookie
	secure  string         // whether Secure does, as the section says
}

// Lengths of the two parts, in characters of base64url.
const (
	idChars  = 11 // 8 bytes
	macChars = 22 // 16 bytes
)

// step is the unit of a cookie's time.
const step = time.Minute

// Minutes is a moment in a cookie's unit.
func Minutes(now time.Time) int64 { return now.Unix() / int64(step/time.Second) }

// NewCookies compiles a section, nil where there is none, for the members at places,
// which are told apart by these names. Cookies are signed with secret; several proxies
// before the same backends need the same one.
func NewCookies(poolName string, c *config.Sticky, secret string, places []string) *Cookies {
	if c == nil {
		return nil
	}
	name := c.Cookie
	if name == "" {
		name = "isame_" + poolName
	}
	s := &Cookies{
		Name: name, ttl: c.TTL, byID: make(map[string]int, len(places)), values: make([]string, len(places)),
		options: optionsOf(c), secure: c.Secure,
	}
	key := sha256.Sum256([]byte("isame sticky " + secret))
	for i, place := range places {
		sum := sha256.Sum256([]byte("isame backend " + place))
		mac := hmac.New(sha256.New, key[:])
		_, _ = mac.Write([]byte(poolName + "\x00" + place))
		id := base64.RawURLEncoding.EncodeToString(sum[:8])
		s.values[i] = id + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
		s.byID[id] = i
	}
	return s
}

// sameSites are the words of the section as browsers spell them.
var sameSites = map[string]string{config.SameSiteStrict: "Strict", config.SameSiteNone: "None"}

// optionsOf is what follows the value of every cookie, but for Secure, which may depend
// on the client.
func optionsOf(c *config.Sticky) string {
	options := "; Path=" + cmp.Or(c.Path, "/")
	if c.TTL > 0 {
		options += "; Max-Age=" + strconv.Itoa(int(max(c.TTL, time.Second)/time.Second))
	}
	if c.HTTPOnly {
		options += "; HttpOnly"
	}
	return options + "; SameSite=" + cmp.Or(sameSites[c.SameSite], "Lax")
}

// Find is the index of the member that a cookie's value stands for, -1 when it is not
// one of ours, and the minutes since it was given.
func (s *Cookies) Find(value []byte, nowMinutes int64) (index int, ageMinutes int64) {
	const split = idChars + 1 + macChars
	if len(value) < split+2 || value[split] != '.' {
		return -1, 0
	}
	i, known := s.byID[string(value[:idChars])]
	if !known || subtle.ConstantTimeCompare(value[:split], []byte(s.values[i])) != 1 {
		return -1, 0
	}
	given := int64(0)
	for _, c := range value[split+1:] {
		if c < '0' || c > '9' || given > nowMinutes {
			return -1, 0
		}
		given = 10*given + int64(c-'0')
	}
	return i, nowMinutes - given
}

// Follow is the index that next finds for a client with the cookie of a member, -1 where it
// is none of next, which may be nil.
func (s *Cookies) Follow(next *Cookies, index int) int {
	if next == nil || next.Name != s.Name {
		return -1
	}
	i, _ := next.Find([]byte(s.values[index]+".0"), 0)
	return i
}

// IsOld reports that a cookie of that age is to be given anew: half its time is over,
// or it is from the future. One of the browser's session has no time.
func (s *Cookies) IsOld(ageMinutes int64) bool {
	return ageMinutes < 0 || s.ttl > 0 && time.Duration(ageMinutes)*step >= s.ttl/2
}

// Append appends the field line that gives the cookie of a member to a client, which
// speaks https or not.
func (s *Cookies) Append(b []byte, index int, nowMinutes int64, https bool) []byte {
	b = append(append(append(b, "Set-Cookie: "...), s.Name...), '=')
	b = append(append(b, s.values[index]...), '.')
	b = append(strconv.AppendInt(b, nowMinutes, 10), s.options...)
	if s.secure == config.SecureAlways || https && s.secure != config.SecureNever {
		b = append(b, "; Secure"...)
	}
	return append(b, "\r\n"...)
}
