package middleware

import (
	"io"
	"sync"
)

// Book keeps what stages know and want to know after a reload: the state of a limit, a
// set of keys, a table of sessions. It is kept by the name of its stage and by the
// definition that it belongs to: a limit that is defined anew begins anew. The zero value
// is empty. One reload at a time writes into it; what it keeps may be used by any
// goroutine.
type Book struct {
	looks bool // see Aside; never changed
	mu    sync.Mutex
	all   map[string]any
	next  map[string]any // of the reload under way
}

// Aside is a book for those who only look at stages, in which a reload has begun: they get
// what is kept here, and may not change it. End(false) of it closes what was made for them,
// which stays readable. Reloads may come and go meanwhile.
func (b *Book) Aside() *Book {
	b.mu.Lock()
	defer b.mu.Unlock()
	return &Book{looks: true, all: b.all, next: map[string]any{}} // b.all is replaced by reloads, never changed
}

// Begin begins a reload.
func (b *Book) Begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next = map[string]any{}
}

// End ends a reload. What nobody has asked for is dropped where the reload is accepted;
// what was made for it, where it is not. It is closed then, if it can be.
func (b *Book) End(accepted bool) {
	b.mu.Lock()
	kept, dropped := b.next, b.all
	if !accepted {
		kept, dropped = b.all, b.next
	}
	b.all, b.next = kept, nil
	b.mu.Unlock()
	for key, value := range dropped {
		if kept[key] == value {
			continue
		}
		if c, ok := value.(io.Closer); ok {
			_ = c.Close() // nobody is there to be told
		}
	}
}

// Close closes all that is kept. No reload may begin any more.
func (b *Book) Close() {
	b.Begin()
	b.End(true)
}

// Kept returns what is kept under a stage's name and a definition, made now where there
// is nothing yet. Every value must be of a comparable type, a pointer as a rule.
func Kept[V any](b *Book, name, definition string, fresh func() (V, error)) (V, error) {
	key := name + "\x00" + definition
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, from := range []map[string]any{b.next, b.all} {
		if v, ok := from[key].(V); ok {
			b.next[key] = v
			return v, nil
		}
	}
	v, err := fresh()
	if err == nil {
		b.next[key] = v
	}
	return v, err
}
