package sink

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/pool/rig"
)

// opened is a sink over a file of its own folder, with the log that tells of it.
func opened(t *testing.T, r Rotation) (s *Sink, path string, log *rig.Log) {
	t.Helper()
	log = &rig.Log{}
	logger := zerolog.New(log)
	path = filepath.Join(t.TempDir(), "access.log")
	s, err := OpenFile(path, 1, r, &logger)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !s.Close(10 * time.Second) {
			t.Error("it did not end")
		}
	})
	return s, path, log
}

// becomes waits until what f returns is want.
func becomes(t *testing.T, want string, f func() string) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	over := time.After(20 * time.Second)
	for f() != want {
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("got %q; want %q", f(), want)
		}
	}
}

func contentOf(path string) func() string {
	return func() string {
		text, err := os.ReadFile(path)
		if err != nil {
			return err.Error()
		}
		return string(text)
	}
}

// says waits until a log has a text.
func says(t *testing.T, log *rig.Log, want string) {
	t.Helper()
	becomes(t, "true", func() string { return strconv.FormatBool(strings.Contains(log.String(), want)) })
}

func TestFileIsAppendedToAndForItsGroup(t *testing.T) {
	s, path, _ := opened(t, Rotation{})
	say(t, s.Access(0), "first\n")
	becomes(t, "first\n", contentOf(path))
	stat, err := os.Stat(path)
	if err != nil || stat.Mode().Perm()&^fileMode != 0 || stat.Mode().Perm()&0o600 != 0o600 {
		t.Errorf("got the mode %v, %v; want %v, less what umask takes", stat.Mode(), err, os.FileMode(fileMode))
	}
	logger := zerolog.Nop()
	second, err := OpenFile(path, 1, Rotation{}, &logger) // as during an upgrade
	if err != nil {
		t.Fatal(err)
	}
	say(t, second.Access(0), "of the other\n")
	becomes(t, "first\nof the other\n", contentOf(path))
	say(t, s.Access(0), "last\n")
	becomes(t, "first\nof the other\nlast\n", contentOf(path))
	if !second.Close(10 * time.Second) {
		t.Error("it did not end")
	}
}

// What logrotate does: rename, then a signal. No line is lost or in both.
func TestReopenedFileTakesWhatFollows(t *testing.T) {
	s, path, log := opened(t, Rotation{})
	say(t, s.Access(0), "before\n")
	becomes(t, "before\n", contentOf(path))
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	say(t, s.Access(0), "renamed\n")
	becomes(t, "before\nrenamed\n", contentOf(path+".1"))
	s.Reopen()
	becomes(t, "", contentOf(path)) // although nothing was written
	says(t, log, "the access log was opened again")
	say(t, s.Access(0), "after\n")
	becomes(t, "after\n", contentOf(path))
	if got := contentOf(path + ".1")(); got != "before\nrenamed\n" {
		t.Errorf("the old file has %q", got)
	}
}

// A folder that is gone costs no line as long as the old file is there, and is used again
// once it is back.
func TestFolderThatIsGone(t *testing.T) {
	s, path, log := opened(t, Rotation{})
	dir := filepath.Dir(path)
	away := dir + ".away"
	if err := os.Rename(dir, away); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(away) })
	s.Reopen()
	says(t, log, "the access log goes on in the file that it has")
	say(t, s.Access(0), "kept\n")
	becomes(t, "kept\n", contentOf(filepath.Join(away, "access.log")))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	n := 0
	becomes(t, "true", func() string { // it is tried again each second, when a line comes
		n++
		say(t, s.Access(0), fmt.Sprintf("line %d\n", n))
		_, err := os.Stat(path)
		return strconv.FormatBool(err == nil)
	})
	says(t, log, "the access log was opened again")
	if _, dropped := s.Dropped(); dropped != 0 {
		t.Errorf("%d lines were dropped; want none", dropped)
	}
	if got := strings.Count(log.String(), "goes on in the file"); got != 1 {
		t.Errorf("the failure was said %d times; want once", got)
	}
}

func TestFullDiskIsCountedAndSaid(t *testing.T) {
	var log rig.Log
	logger := zerolog.New(&log)
	s, err := OpenFile("/dev/full", 1, Rotation{BytesMax: 1}, &logger)
	if err != nil {
		t.Fatal(err)
	}
	say(t, s.Access(0), "one\ntwo\n")
	says(t, &log, `"lines":2`)
	says(t, &log, "no space left on device")
	if _, dropped := s.Dropped(); dropped != 2 {
		t.Errorf("%d lines were dropped; want 2", dropped)
	}
	if !s.Close(10 * time.Second) {
		t.Error("it did not end")
	}
}

func TestRotation(t *testing.T) {
	for _, tc := range []struct {
		keep int
		want []string // files, the last one first
	}{
		{0, []string{"4444\n"}},
		{1, []string{"4444\n", "3333\n"}},
		{2, []string{"4444\n", "3333\n", "2222\n"}},
		{9, []string{"4444\n", "3333\n", "2222\n", "1111\n"}},
	} {
		t.Run(fmt.Sprintf("keep=%d", tc.keep), func(t *testing.T) {
			s, path, log := opened(t, Rotation{})
			s.Rotate(Rotation{BytesMax: 5, Keep: tc.keep})
			for i := range 4 {
				line := strings.Repeat(strconv.Itoa(i+1), 4) + "\n"
				say(t, s.Access(0), line)
				becomes(t, line, contentOf(path))
			}
			var got []string
			for i := range 20 {
				name := path
				if i > 0 {
					name = fmt.Sprintf("%s.%d", path, i)
				}
				if text, err := os.ReadFile(name); err == nil {
					got = append(got, string(text))
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(tc.want) {
				t.Errorf("got %q; want %q", got, tc.want)
			}
			if text := log.String(); strings.Contains(text, `"level":"error"`) {
				t.Error(text)
			}
		})
	}
}

// A file that somebody else has rotated is not shifted again.
func TestRotationByAnotherProcess(t *testing.T) {
	s, path, _ := opened(t, Rotation{BytesMax: 5, Keep: 5})
	say(t, s.Access(0), "1111\n")
	becomes(t, "1111\n", contentOf(path))
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("theirs\n"), fileMode); err != nil {
		t.Fatal(err)
	}
	say(t, s.Access(0), "2222\n")
	becomes(t, "theirs\n2222\n", contentOf(path))
	if _, err := os.Stat(path + ".2"); err == nil {
		t.Error("there is a second old file; want the first one alone")
	}
}

func TestRotationThatFailsLosesNothing(t *testing.T) {
	s, path, log := opened(t, Rotation{})
	if err := os.MkdirAll(path+".1/in the way", 0o700); err != nil {
		t.Fatal(err)
	}
	say(t, s.Access(0), "1111\n")
	becomes(t, "1111\n", contentOf(path))
	s.Rotate(Rotation{BytesMax: 5, Keep: 1})
	say(t, s.Access(0), "2222\n")
	becomes(t, "1111\n2222\n", contentOf(path))
	says(t, log, "cannot be rotated")
}

// A pipe that nobody reads does not hold up the start.
func TestPipeWithoutAReaderIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	logger := zerolog.New(io.Discard)
	if s, err := OpenFile(path, 1, Rotation{}, &logger); err == nil {
		s.Close(time.Second)
		t.Error("it was opened")
	}
	if s, err := OpenFile(filepath.Join(path, "x"), 1, Rotation{}, &logger); err == nil {
		s.Close(time.Second)
		t.Error("a file below a pipe was opened")
	}
}
