package socket

import "testing"

func TestPipesAreBounded(t *testing.T) {
	var taken []*Pipe
	defer func() {
		for _, p := range taken {
			p.Release()
		}
		if p := TakePipe(); p == nil {
			t.Error("no pipe although all were given back")
		} else {
			p.Release()
		}
	}()
	seen := map[*Pipe]bool{}
	for range pipesMax {
		p := TakePipe()
		if p == nil {
			t.Skip("the kernel allows this user fewer pipes")
		}
		if seen[p] {
			t.Fatal("a pipe has two owners")
		}
		seen[p], taken = true, append(taken, p)
	}
	if p := TakePipe(); p != nil {
		p.Release()
		t.Errorf("got one more than %d pipes", pipesMax)
	}
}

// What a client did not take is nobody else's: its pipe is closed.
func TestPipeThatHoldsBytesIsClosed(t *testing.T) {
	c, peer := pair(t, testLoop(t))
	if _, err := peer.Write(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	p := TakePipe()
	if p == nil {
		t.Fatal("there is no pipe")
	}
	for p.held == 0 {
		if _, err := c.ReadPipe(p, 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	if p.held > pipeFillMax {
		t.Errorf("%d bytes in it; want at most %d", p.held, pipeFillMax)
	}
	before := pipesOpen.Load()
	p.Release()
	if n := pipesOpen.Load(); n != before-1 {
		t.Errorf("%d pipes are open; want %d", n, before-1)
	}
	for i := range idlePipes {
		if idlePipes[i].Load() == p {
			t.Error("the pipe waits for its next owner")
		}
	}
}
