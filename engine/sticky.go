package engine

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"math"
	"os"
	"strconv"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool"
)

// stickiness is a pool's sticky section, compiled for its members: all cookie
// values there can be are made here, so that a request costs one lookup and one
// comparison.
//
// A value is id.mac.time: which backend, the proof that we said so (HMAC-SHA256
// over pool and backend, RFC 2104), and when, in minutes of the Unix clock. The
// time is not proved: who changes it only changes when his cookie is renewed.
type stickiness struct {
	name    string // of the cookie
	ttl     time.Duration
	byID    map[string]*pool.Member
	values  []string // id.mac by member index
	options string   // what follows the value in Set-Cookie
}

// Lengths of the two parts, in characters of base64url.
const (
	stickyIDChars  = 11 // 8 bytes
	stickyMACChars = 22 // 16 bytes
)

// stickyStep is the unit of a cookie's time.
const stickyStep = time.Minute

func newStickiness(poolName string, c *config.Sticky, members []*pool.Member) *stickiness {
	if c == nil {
		return nil
	}
	name := c.Cookie
	if name == "" {
		name = "isame_" + poolName
	}
	s := &stickiness{
		name: name, ttl: c.TTL, byID: make(map[string]*pool.Member, len(members)), values: make([]string, len(members)),
		options: "; Path=/; Max-Age=" + strconv.Itoa(int(max(c.TTL, time.Second)/time.Second)) + "; HttpOnly; SameSite=Lax",
	}
	key := stickyKey(string(c.Secret))
	for i, m := range members {
		identity := m.Backend().Place()
		sum := sha256.Sum256([]byte("isame backend " + identity))
		mac := hmac.New(sha256.New, key)
		_, _ = mac.Write([]byte(poolName + "\x00" + identity))
		id := base64.RawURLEncoding.EncodeToString(sum[:8])
		s.values[i] = id + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
		s.byID[id] = m
	}
	return s
}

// stickyKey is the key cookies are signed with. Without a secret it is made of
// what stays the same on this machine, so that cookies survive a restart; several
// proxies before the same backends need the same secret.
func stickyKey(secret string) []byte {
	if secret == "" {
		id, err := os.ReadFile("/etc/machine-id")
		if err != nil {
			host, _ := os.Hostname() // the empty name is the same at every start, too
			id = []byte(host)
		}
		secret = "machine " + string(id)
	}
	key := sha256.Sum256([]byte("isame sticky " + secret))
	return key[:]
}

// find is the member a cookie's value stands for, nil when it is not one of
// ours, and the minutes since it was given.
func (s *stickiness) find(value []byte, nowMinutes int64) (m *pool.Member, ageMinutes int64) {
	const split = stickyIDChars + 1 + stickyMACChars
	if len(value) < split+2 || value[split] != '.' {
		return nil, 0
	}
	m = s.byID[string(value[:stickyIDChars])]
	if m == nil || subtle.ConstantTimeCompare(value[:split], []byte(s.values[m.Index()])) != 1 {
		return nil, 0
	}
	given := int64(0)
	for _, c := range value[split+1:] {
		if c < '0' || c > '9' || given > nowMinutes {
			return nil, 0
		}
		given = 10*given + int64(c-'0')
	}
	return m, nowMinutes - given
}

// stick finds the backend the client belongs to: the first attempt goes there if
// it may take anything. With a split, the client belongs to its backend's pool; who
// has moved from one to another has a cookie of each, and the one that was given
// last counts. It reports whether there is such a backend.
func (x *exchange) stick() bool {
	youngest := int64(math.MaxInt64)
	for _, p := range x.route.pools {
		s := p.sticky
		if s == nil {
			continue
		}
		m, age := s.find(x.cookie(s.name), nowMinutes())
		if m == nil || age >= youngest || !p.Keeps(m) {
			continue
		}
		youngest = age
		x.fwd.pool, x.fwd.again, x.fwd.stuck = p, m, m
		x.fwd.renew = age < 0 || time.Duration(age)*stickyStep >= s.ttl/2
	}
	return x.fwd.stuck != nil
}

// appendSticky appends the cookie that keeps the client on the backend that
// answers, unless it has one that is good for a while.
func (x *exchange) appendSticky(b []byte) []byte {
	f := &x.fwd
	s := f.pool.sticky
	if s == nil || (f.stuck == f.member && !f.renew) {
		return b
	}
	b = append(append(append(b, "Set-Cookie: "...), s.name...), '=')
	b = append(append(b, s.values[f.member.Index()]...), '.')
	b = append(strconv.AppendInt(b, nowMinutes(), 10), s.options...)
	if x.c.Secure() {
		b = append(b, "; Secure"...)
	}
	return append(b, "\r\n"...)
}

func nowMinutes() int64 { return time.Now().Unix() / int64(stickyStep/time.Second) }
