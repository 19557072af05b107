package rate

import (
	"fmt"
	"strings"
)

// Book has the tables of stages by name and definition: a stage that is defined as
// before finds its keys as they stood, one that is defined anew begins anew. One
// goroutine uses it at a time.
type Book map[string]*Table

// Of is the table of a stage, new where it has none of this definition. Those of other
// definitions stay until Keep, so that a configuration that is given up costs the
// running one nothing.
func (b Book) Of(name string, d Definition) *Table {
	key := entry(name, d)
	t := b[key]
	if t == nil {
		t = NewTable(d)
		b[key] = t
	}
	return t
}

// Keep drops all tables but those in use.
func (b Book) Keep(inUse map[*Table]bool) {
	for key, t := range b {
		if !inUse[t] {
			delete(b, key)
		}
	}
}

// entry is a text that no other stage and no other definition has.
func entry(name string, d Definition) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%q %d", name, d.MaxKeys)
	for i := range d.Limits {
		fmt.Fprintf(&s, " %#v", d.Limits[i])
	}
	return s.String()
}
