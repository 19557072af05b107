package ctl

import "time"

// shelf keeps values until they end by themselves, and never more than max of them:
// the one that would end first makes room. Its owner locks it.
type shelf[V any] struct {
	max  int
	kept map[string]shelved[V]
}

// shelved is one value and when it ends.
type shelved[V any] struct {
	value V
	until time.Time
}

// get is the value of a key that has not ended.
func (s *shelf[V]) get(key string, now time.Time) (V, bool) {
	e, ok := s.kept[key]
	if !ok || !e.until.After(now) {
		var none V
		return none, false
	}
	return e.value, true
}

// until is when a key ends, or now.
func (s *shelf[V]) until(key string, now time.Time) time.Time {
	if e, ok := s.kept[key]; ok && e.until.After(now) {
		return e.until
	}
	return now
}

// put keeps a value, in place of the one that its key had.
func (s *shelf[V]) put(key string, e shelved[V], now time.Time) {
	if s.kept == nil {
		s.kept = map[string]shelved[V]{}
	}
	if _, known := s.kept[key]; !known && len(s.kept) >= s.max {
		s.makeRoom(now)
	}
	s.kept[key] = e
}

// drop ends a key.
func (s *shelf[V]) drop(key string) { delete(s.kept, key) }

// makeRoom removes all that has ended or, where nothing has, what ends first.
func (s *shelf[V]) makeRoom(now time.Time) {
	first, found := "", false
	for key, e := range s.kept {
		if !e.until.After(now) {
			delete(s.kept, key)
			continue
		}
		if !found || e.until.Before(s.kept[first].until) {
			first, found = key, true
		}
	}
	if len(s.kept) >= s.max {
		delete(s.kept, first)
	}
}
