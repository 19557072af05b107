package rate

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// notedMax is how many keys are known by their text.
	notedMax = 100
	// textMax is how many bytes of a text are kept.
	textMax = 128
	// noteEvery is how often a key is noted at most; refused ones have a turn of
	// their own.
	noteEvery = int64(time.Millisecond)
)

// noted has the texts of the fullest keys: a sample of the requests, which meets those
// that come often, and of which the fullest stay.
type noted struct {
	next [2]atomic.Int64 // when the next one is noted: [1] of the refused
	mu   struct {
		sync.Mutex
		keys []noteOf
	}
}

type noteOf struct {
	word    uint64
	length  uint8
	text    [textMax]byte
	ofLimit uint8
}

// Wants reports that it is the turn of a key like this one to be noted: most times it is
// not, and its text need not be made.
func (t *Table) Wants(nowNanos int64, a *Ask) bool { return nowNanos >= t.noted.turn(a).Load() }

// turn is when a key like this one is noted next.
func (n *noted) turn(a *Ask) *atomic.Int64 {
	if a.refused {
		return &n.next[1]
	}
	return &n.next[0]
}

// Note offers the text of a key that was just asked for to those that Fullest shows. A
// nil text stands for one that nobody may read, such as a token: only that there is
// such a key is kept. It copies the text, allocates nothing once a hundred keys are
// known, and waits for nothing.
func (t *Table) Note(nowNanos int64, a *Ask, text []byte) {
	next := t.noted.turn(a)
	at := next.Load()
	if nowNanos < at || !next.CompareAndSwap(at, nowNanos+noteEvery) || !t.noted.mu.TryLock() {
		return
	}
	defer t.noted.mu.Unlock()
	keys := &t.noted.mu.keys
	n := noteOf{word: a.word, ofLimit: uint8(a.Limit)}
	n.length = uint8(copy(n.text[:], text))
	if slices.ContainsFunc(*keys, func(o noteOf) bool { return o.word == n.word }) {
		return
	}
	if len(*keys) < notedMax {
		*keys = append(*keys, n)
		return
	}
	least, at1 := t.share(a, nowNanos), -1
	for i := range *keys {
		o := Ask{law: &t.laws[(*keys)[i].ofLimit], word: (*keys)[i].word}
		if s := t.share(&o, nowNanos); s < least {
			least, at1 = s, i
		}
	}
	if at1 >= 0 {
		(*keys)[at1] = n
	}
}

// share is how full a key is: 0 at rest, 1 where it has used its burst up, above where
// it is blocked.
func (t *Table) share(a *Ask, nowNanos int64) float64 {
	t.look(a, nowNanos)
	return float64(max(a.ahead, a.early)) / float64(a.law.tolerance)
}

// Standing is how a key stands.
type Standing struct {
	// Text is what the key was made of, up to 128 bytes; empty where that is secret.
	Text string
	// ID tells keys apart whose text is not shown. It means nothing after a restart.
	ID uint64
	// Limit is the name of the limit.
	Limit     string
	Remaining int64
	Reset     time.Duration
	// Share is the used part of the burst, 0 to 1; above 1 where the key is blocked or
	// its requests wait.
	Share float64
}

// Fullest are the hundred fullest keys that were noted, the fullest first, without
// those at rest. It allocates: for those who show it, not for requests.
func (t *Table) Fullest(nowNanos int64) []Standing {
	t.noted.mu.Lock()
	keys := slices.Clone(t.noted.mu.keys)
	t.noted.mu.Unlock()
	var all []Standing
	for i := range keys {
		n := &keys[i]
		a := Ask{law: &t.laws[n.ofLimit], word: n.word}
		share := t.share(&a, nowNanos)
		if share == 0 {
			continue
		}
		all = append(all, Standing{
			Text: string(n.text[:n.length]), ID: n.word, Limit: t.limits[n.ofLimit].Name,
			Remaining: a.Remaining(), Reset: a.Reset(), Share: share,
		})
	}
	slices.SortStableFunc(all, func(a, b Standing) int {
		switch {
		case a.Share > b.Share:
			return -1
		case a.Share < b.Share:
			return 1
		}
		return 0
	})
	return all
}
