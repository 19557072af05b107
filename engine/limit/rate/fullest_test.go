package rate

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Of more keys than are noted the fullest are shown, by their texts where they may be.
func TestFullest(t *testing.T) {
	table := NewTable(Definition{MaxKeys: 1000, Limits: []Limit{
		{Name: "wide", Rate: 1, Per: time.Hour, Burst: 1000},
		{Name: "tight", Rate: 1, Per: time.Hour, Burst: 10, BlockFor: 20 * time.Hour},
	}})
	now := int64(0)
	ask := func(text string, limit, times int, secret bool) {
		asks := []Ask{{Key: KeyString(text), Limit: limit}}
		for range times {
			table.Take(now, asks)
		}
		note := []byte(text)
		if secret {
			note = nil
		}
		now += noteEvery
		table.Note(now, &asks[0], note)
	}
	for n := range 3 * notedMax {
		ask(fmt.Sprint("client ", n), 0, n+1, false)
	}
	ask(strings.Repeat("x", 200), 1, 5, false)
	ask("token", 1, 11, true)
	all := table.Fullest(now)
	if len(all) != notedMax {
		t.Fatalf("got %d; want %d", len(all), notedMax)
	}
	if all[0].Text != "" || all[0].ID == 0 || all[0].Limit != "tight" || all[0].Remaining != 0 || all[0].Share <= 1 {
		t.Errorf("first: got %+v; want the blocked token, without its text", all[0])
	}
	if all[1].Text != strings.Repeat("x", textMax) || all[1].Share < 0.49 || all[1].Remaining != 5 {
		t.Errorf("second: got %+v; want the long text, cut", all[1])
	}
	for i, s := range all[2:] {
		if want := fmt.Sprint("client ", 3*notedMax-1-i); s.Text != want || s.Limit != "wide" {
			t.Errorf("%d: got %+v; want %s", i+2, s, want)
		}
	}
	if rest := table.Fullest(now + int64(1000*time.Hour)); len(rest) != 0 {
		t.Errorf("at rest: got %d; want none", len(rest))
	}
}

// Most requests are not noted: one in a millisecond, and one more of the refused.
func TestNotesAreFew(t *testing.T) {
	table := NewTable(Definition{MaxKeys: 1000, Limits: []Limit{{Rate: 1, Per: time.Hour, Burst: 1}}})
	for n := range 30 {
		asks := []Ask{{Key: scattered(uint64(n))}}
		for range 2 {
			table.Take(5, asks)
			if wants := table.Wants(5, &asks[0]); wants != (n == 0) {
				t.Errorf("key %d: wanted %v", n, wants)
			}
			table.Note(5, &asks[0], []byte{'a' + byte(n)})
		}
	}
	if all := table.Fullest(5); len(all) != 1 || all[0].Text != "a" {
		t.Errorf("got %+v; want the first one alone", all)
	}
}
