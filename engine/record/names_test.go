package record

import (
	"strconv"
	"sync"
	"testing"
)

// A name has one number for as long as anybody refers to it, whoever asks, and nobody else
// gets it later.
func TestNamesKeepTheirNumbers(t *testing.T) {
	var s Names
	if s.Number(nil) != 0 || s.text(0) != "" || s.of("none") != 0 {
		t.Error("no name has a number")
	}
	first, again := NewName("api"), NewName("api")
	number := s.Number(first)
	if number == 0 || s.Number(again) != number || s.text(number) != "api" || s.of("api") != number {
		t.Fatalf("got %d and %d, %q", number, s.Number(again), s.text(number))
	}
	other := s.Number(NewName("other"))
	sweep := func(used ...uint32) {
		s.sweep(func() map[uint32]bool {
			m := map[uint32]bool{}
			for _, n := range used {
				m[n] = true
			}
			return m
		})
	}
	sweep() // both were asked for in the season that ends
	if s.text(number) != "api" || s.text(other) != "other" {
		t.Error("a name was forgotten that somebody may be about to write")
	}
	if s.Number(first) != number {
		t.Error("it has another number")
	}
	sweep() // other was not, and no record has it
	if s.text(number) != "api" || s.text(other) != "" {
		t.Errorf("got %q and %q; want api and nothing", s.text(number), s.text(other))
	}
	sweep(number)
	sweep(number)
	if s.text(number) != "api" {
		t.Error("a name was forgotten that records have")
	}
	sweep()
	if s.text(number) != "" {
		t.Error("a name was kept that nobody has")
	}
	if fresh := s.Number(first); fresh == number || fresh == other || s.text(fresh) != "api" {
		t.Errorf("got %d, which was %d's or %d's; want a new number", fresh, number, other)
	}
}

func TestNamesAreBounded(t *testing.T) {
	var s Names
	for i := range namesMax {
		if s.Number(NewName(strconv.Itoa(i))) == 0 {
			t.Fatalf("name %d has no number", i)
		}
	}
	late := NewName("late")
	if got := s.Number(late); got != 0 || !s.isCrowded() {
		t.Errorf("got number %d; want none: there are too many", got)
	}
	none := func() map[uint32]bool { return nil }
	s.sweep(none)
	s.sweep(none)
	if got := s.Number(late); got == 0 || s.text(got) != "late" || s.isCrowded() {
		t.Errorf("got number %d, %q; want one: there is room again", got, s.text(got))
	}
}

// Many ask at once, and all are told the same.
func TestNamesAgree(t *testing.T) {
	var s Names
	var running sync.WaitGroup
	shared := NewName("shared")
	for range 8 {
		running.Go(func() {
			for i := range 1000 {
				text := strconv.Itoa(i % 100)
				if got := s.text(s.Number(NewName(text))); got != text {
					t.Errorf("got %q; want %q", got, text)
				}
				if got := s.text(s.Number(shared)); got != "shared" {
					t.Errorf("got %q; want shared", got)
				}
			}
		})
	}
	running.Wait()
}
