package sink

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// file is an output that a test holds up, breaks and reads.
type file struct {
	mu struct {
		sync.Mutex
		text   bytes.Buffer
		writes int
		room   int // bytes that are still taken before err; -1 is no end
		err    error
	}
	held chan struct{} // nil: writes do not wait; closed: nor any more
}

func newFile() *file {
	f := &file{}
	f.mu.room = -1
	return f
}

func (f *file) Write(p []byte) (int, error) {
	if f.held != nil {
		<-f.held
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.writes++
	if f.mu.room >= 0 && len(p) > f.mu.room {
		n, _ := f.mu.text.Write(p[:f.mu.room])
		f.mu.room = 0
		return n, f.mu.err
	}
	return f.mu.text.Write(p)
}

func (f *file) breaks(after int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.room, f.mu.err = after, err
}

func (f *file) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.text.String()
}

func say(t *testing.T, w io.Writer, line string) {
	t.Helper()
	if n, err := io.WriteString(w, line); n != len(line) || err != nil {
		t.Fatalf("got %d, %v; want %d: a lane takes or drops a line whole", n, err, len(line))
	}
}

func TestManyLinesAreOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFile()
		s := New(f, 2)
		for i := range 100 {
			say(t, s.Access(i), fmt.Sprintf("line %d\n", i))
		}
		<-time.After(gatherTime)
		synctest.Wait()
		if n := strings.Count(f.String(), "\n"); n != 100 || f.mu.writes != 2 {
			t.Errorf("got %d lines in %d writes; want 100 in 2, one for each shard", n, f.mu.writes)
		}
		if !s.Close(time.Second) {
			t.Error("it did not end")
		}
	})
}

func TestLinesOfTheProgramAreNotHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFile()
		s := New(f, 1)
		defer s.Close(time.Second)
		say(t, s.Program(), "here\n")
		synctest.Wait() // no time has passed
		if got := f.String(); got != "here\n" {
			t.Errorf("got %q; want the line at once", got)
		}
	})
}

func TestNobodyWaitsForAReaderThatStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFile()
		f.held = make(chan struct{})
		s := New(f, 1)
		line := strings.Repeat("x", 1023) + "\n"
		const sent = 4096 // KiB: four times what a lane holds, and as much is with the writer
		for range sent {
			say(t, s.Access(0), line)
			say(t, s.Program(), line)
		}
		program, access := s.Dropped()
		if program == 0 || access == 0 || program > sent || access > sent {
			t.Fatalf("%d and %d lines dropped; want what does not fit", program, access)
		}
		if s.Close(50 * time.Millisecond) {
			t.Error("it has ended although nobody reads")
		}
		close(f.held)
		synctest.Wait()
		if got := uint64(strings.Count(f.String(), line)); got+program+access != 2*sent {
			t.Errorf("%d lines were written, and %d counted as dropped; want %d together", got, program+access, 2*sent)
		}
		if want := fmt.Sprintf(`"lines":%d`, program+access); !strings.Contains(f.String(), want) {
			t.Errorf("no line says %s", want)
		}
	})
}

func TestLossesAreSaidOnceWritingWorksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFile()
		s := New(f, 1)
		defer s.Close(time.Second)
		write := func(text string) {
			say(t, s.Program(), text)
			synctest.Wait()
		}
		write("first\n")
		f.breaks(4, errors.New("no space"))
		write("torn and lost\n")
		write("lost\n")
		f.breaks(-1, nil)
		write("again\n")
		write("last\n")
		lines := strings.Split(f.String(), "\n")
		if len(lines) != 6 || lines[0] != "first" || lines[1] != "torn" || !strings.Contains(lines[2], `"lines":2`) || lines[3] != "again" || lines[4] != "last" {
			t.Errorf("got %q; want first, torn, a line about two lost ones, again, last", lines)
		}
		if program, access := s.Dropped(); program != 2 || access != 0 {
			t.Errorf("got %d and %d dropped; want 2 and 0", program, access)
		}
	})
}

func TestCloseWritesWhatIsThere(t *testing.T) {
	f := newFile()
	s := New(f, 1)
	say(t, s.Access(0), "access\n")
	say(t, s.Program(), "program\n")
	if !s.Close(10 * time.Second) {
		t.Fatal("it did not end")
	}
	for _, want := range []string{"access\n", "program\n"} {
		if !strings.Contains(f.String(), want) {
			t.Errorf("got %q; want %q in it", f.String(), want)
		}
	}
}

func TestTextKeepsTheOrderOfFields(t *testing.T) {
	var out bytes.Buffer
	w := Text(&out, true)
	lines := `{"level":"info","log":"access","client":"::1","method":"GET","attempts":2,"time":"2026-01-02T03:04:05Z"}` + "\n" +
		"not JSON\n" + `{"level":"warn","z":1,"a":"two words","message":"said"}` + "\n"
	if n, err := w.Write([]byte(lines)); n != len(lines) || err != nil {
		t.Fatalf("got %d, %v; want %d", n, err, len(lines))
	}
	got := strings.Split(out.String(), "\n")
	for i, want := range []string{"INF log=access client=::1 method=GET attempts=2", "not JSON", `WRN said z=1 a="two words"`} {
		if !strings.HasSuffix(got[i], want) {
			t.Errorf("got %q; want it to end in %q", got[i], want)
		}
	}
}

// A pipe whose reader has gone costs lines, and nothing else.
func TestReaderThatLeft(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	_ = r.Close()
	s := New(w, 1)
	say(t, s.Program(), "to nobody\n")
	if !s.Close(10 * time.Second) {
		t.Fatal("it did not end")
	}
	if program, _ := s.Dropped(); program != 1 {
		t.Errorf("%d lines dropped; want 1", program)
	}
}
