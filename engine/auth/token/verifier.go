package token

import (
	"context"
	"hash/maphash"
	"slices"
	"sync"
	"time"
	"unsafe"

	"github.com/isame-lb/isame-lb/engine/auth/verified"
)

// rememberedMax is how many tokens are not checked again, 64 MiB of the longest ones,
// and rememberedFor how long that holds for one that expires late or never.
const (
	rememberedMax = 8192
	rememberedFor = time.Hour
)

// Verifier verifies tokens. Any goroutine may use it.
type Verifier struct {
	keys       *Source
	algorithms []*algorithm
	issuer     string
	audience   []string
	leeway     time.Duration
	wants      []want

	good  *verified.Cache[Token]
	seed  maphash.Seed
	rooms sync.Pool // of *room
}

// Token is what a verified token says. It never changes.
type Token struct {
	set   *Set // whose key it was verified with
	texts []text
}

// Claim is a claim as text, nil for one that is not there or has none. Those of an object
// have a dot between the names of both; elements of a list have commas between them. A
// number is written as in the token. It allocates nothing, and what it returns must not
// be changed.
func (t *Token) Claim(name string) []byte {
	for i := range t.texts {
		if string(t.texts[i].name) == name {
			return t.texts[i].value
		}
	}
	return nil
}

// New makes a verifier. An error is about the algorithms, alone or with the keys of a file.
func New(p Policy, keys *Source) (*Verifier, error) {
	chosen, err := choose(p.Algorithms)
	if err != nil {
		return nil, err
	}
	return &Verifier{
		keys: keys, algorithms: chosen, issuer: p.Issuer, audience: slices.Clone(p.Audience), leeway: p.Leeway, wants: wants(p.Claims),
		good: verified.New[Token](rememberedMax), seed: maphash.MakeSeed(),
		rooms: sync.Pool{New: func() any { return new(room) }},
	}, nil
}

// Slow reports that an algorithm is taken whose signatures take milliseconds to check
// (ES384, ES512): Verify belongs into a goroutine then. All others take 30 to 100
// microseconds, which is less than it costs to leave the loop and to come back under load.
func (v *Verifier) Slow() bool { return anySlow(v.algorithms) }

// Cached is a token that was verified before and is still good, nil for others. unixNanos
// is the time of the day. It allocates nothing.
func (v *Verifier) Cached(token []byte, unixNanos int64) *Token {
	if len(token) > BytesMax {
		return nil
	}
	t := v.good.Get(maphash.Bytes(v.seed, token), token, unixNanos)
	if t == nil || t.set != v.keys.Current() {
		return nil
	}
	return t
}

// Verify verifies a token with the keys there are, without the network. With more the
// same may end otherwise when the keys are fetched: see VerifyFetched. It keeps nothing
// of token, and may be called by the event loop unless the verifier is Slow.
func (v *Verifier) Verify(token []byte, unixNanos int64) (t *Token, why Reason, more bool) {
	t, untilNanos, why, more := v.judge(token, unixNanos)
	if t != nil {
		v.good.Put(maphash.Bytes(v.seed, token), token, *t, min(untilNanos, unixNanos+int64(rememberedFor)), unixNanos)
	}
	return t, why, more
}

// Look is Verify for those who only ask: nothing is remembered of the token.
func (v *Verifier) Look(token []byte, unixNanos int64) (t *Token, why Reason, more bool) {
	t, _, why, more = v.judge(token, unixNanos)
	return t, why, more
}

// judge is Verify without a memory; untilNanos is until when a good token is.
func (v *Verifier) judge(token []byte, unixNanos int64) (t *Token, untilNanos int64, why Reason, more bool) {
	if len(token) == 0 {
		return nil, 0, Missing, false
	}
	set := v.keys.Current()
	r, _ := v.rooms.Get().(*room)
	defer v.rooms.Put(r)
	e, err := r.open(token)
	if err != nil {
		return nil, 0, Malformed, false
	}
	if set == nil {
		return nil, 0, KeysUnavailable, v.keys.mayFetch()
	}
	if why := v.checkSignature(set, &e); why != None {
		return nil, 0, why, v.mayHelp(why, &e) && v.keys.mayFetch()
	}
	untilNanos, why = v.checkClaims(&e, unixNanos)
	if why != None {
		return nil, 0, why, false
	}
	list, ok := r.texts.flatten(e.claims)
	if !ok {
		return nil, 0, Malformed, false
	}
	return &Token{set: set, texts: list}, untilNanos, None, false
}

// VerifyFetched is for a token with which there was more to try: it waits until the keys
// have been fetched, or ctx has ended, and verifies it then. The same fetch serves all
// who wait.
func (v *Verifier) VerifyFetched(ctx context.Context, token []byte, unixNanos int64) (*Token, Reason) {
	v.keys.refresh(ctx)
	t, why, _ := v.Verify(token, unixNanos)
	return t, why
}

// mayHelp reports that other keys could make a bad signature good: the kid is not
// known, or there is none, and the key was replaced.
func (v *Verifier) mayHelp(why Reason, e *envelope) bool {
	return why == UnknownKey || why == BadSignature && len(e.id) == 0 && v.takes(e.algorithm) != nil
}

// takes is the algorithm of a name, nil where the configuration does not take it.
func (v *Verifier) takes(name string) *algorithm {
	known := named(name)
	for _, a := range v.algorithms {
		if a == known {
			return a
		}
	}
	return nil
}

func (v *Verifier) checkSignature(set *Set, e *envelope) Reason {
	a := v.takes(e.algorithm)
	if a == nil {
		return BadSignature
	}
	candidates := set.candidates(e.id)
	if len(candidates) == 0 {
		return UnknownKey
	}
	signed, tries := unsafe.String(&e.signed[0], len(e.signed)), 0 // the methods copy it, and keep nothing
	for _, k := range candidates {
		if !k.fits(a) {
			continue
		}
		tries++
		if tries > triesMax {
			break
		}
		if a.method.Verify(signed, e.signature, k.public) == nil {
			return None
		}
	}
	return BadSignature
}

func (v *Verifier) checkClaims(e *envelope, unixNanos int64) (untilNanos int64, why Reason) {
	untilNanos, why = times(e.claims, v.leeway, unixNanos)
	if why == None {
		why = v.parties(e.claims)
	}
	if why == None {
		why = v.demanded(e.claims)
	}
	return untilNanos, why
}
