//go:build race

package socket

import "testing"

// silentStream has nothing to read, and no room.
type silentStream struct{ Stream }

func (silentStream) TryRead([]byte) (int, error)            { return 0, nil }
func (silentStream) TryWrite(*[3][]byte, bool) (int, error) { return 0, nil }
func (silentStream) Full() bool                             { return true }
func (silentStream) Close()                                 {}
func (silentStream) CloseWrite() error                      { return nil }
func (silentStream) Queued() int64                          { return 0 }

// calling is a Handler.
type calling struct{ f func() }

func (h *calling) Ready() { h.f() }

// TestWhoHandsAConnectionOverIsDoneWithIt: from the moment that the loop has a connection, it
// may end it and make another stream of the same memory, while the goroutine that has handed
// it over still asks for a call. Only the race detector sees who touches it then.
func TestWhoHandsAConnectionOverIsDoneWithIt(t *testing.T) {
	l, err := NewLoop()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var c, beside Conn
	c.BeginStream(l, silentStream{}, nil)
	beside.BeginStream(l, silentStream{}, nil)
	reused := make(chan struct{})
	nobody := &calling{func() {}}
	round := &calling{func() {
		for !c.Looped() { // no lock between the loop and who hands over
		}
		c.Unwatch()
		c.BeginStream(l, silentStream{}, nil)
		reused <- struct{}{}
	}}
	beside.Hand(round, false)
	for range 200 {
		beside.Again()
		c.Hand(nobody, true)
		<-reused
	}
}
