package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// lockName is the file of a folder that is locked by the process that writes there. What it
// holds is the id of that process, for whoever is refused; the lock is the kernel's, and
// ends with the process.
const lockName = "lock"

// Bounds of waiting for a lock: a process that was told to end lets go at once, but not
// before it has heard of it.
const (
	lockPatience = time.Second
	lockPoll     = 10 * time.Millisecond
)

// Lock is the right to write into a folder. A copy of its descriptor in another process is
// the same lock: it lasts until all are closed. One goroutine uses it; nil is none.
type Lock struct{ file *os.File }

// LockedError is why a folder cannot be used: another process does.
type LockedError struct {
	Dir string
	PID int // 0 where it has not said
}

func (e *LockedError) Error() string {
	who := "another process"
	if e.PID != 0 {
		who = "process " + strconv.Itoa(e.PID)
	}
	return fmt.Sprintf("cannot use folder %q: %s writes there, and two would destroy what the other keeps; give each its own", e.Dir, who)
}

// ErrNoLocks is why a folder cannot be locked: its file system has no locks.
var ErrNoLocks = errors.New("the file system has no locks")

// Acquire locks the folder, which is made if it is not there. A *LockedError says who has it,
// ErrNoLocks that nobody can.
func Acquire(dir string) (*Lock, error) {
	if err := os.MkdirAll(dir, folderMode); err != nil {
		return nil, fmt.Errorf("cannot make folder %q: %w", dir, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, fmt.Errorf("cannot lock folder %q: %w", dir, err)
	}
	l := &Lock{f}
	if err := l.await(lockPatience); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = &LockedError{dir, l.holder()}
		}
		return nil, errors.Join(err, f.Close())
	}
	if err := l.Sign(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

// await locks the file, within patience.
func (l *Lock) await(patience time.Duration) error {
	for by := time.Now().Add(patience); ; {
		err := syscall.Flock(int(l.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.ENOLCK), errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.EOPNOTSUPP):
			return fmt.Errorf("cannot lock %q: %w", l.file.Name(), ErrNoLocks)
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return fmt.Errorf("cannot lock %q: %w", l.file.Name(), err)
		case !time.Now().Before(by):
			return syscall.EWOULDBLOCK
		}
		<-time.After(lockPoll)
	}
}

// Adopt is the lock that another process has handed over by its descriptor; ok is false
// where that is the lock of another folder. The descriptor is taken over either way.
func Adopt(dir string, fd int) (l *Lock, ok bool) {
	path := filepath.Join(dir, lockName)
	f := os.NewFile(uintptr(fd), path)
	has, err := f.Stat()
	want, wantErr := os.Stat(path)
	if err == nil && wantErr == nil && os.SameFile(has, want) {
		return &Lock{f}, true
	}
	_ = f.Close()
	return nil, false
}

// Sign names this process as the one that has the lock.
func (l *Lock) Sign() error {
	if l == nil {
		return nil
	}
	text := strconv.Itoa(os.Getpid()) + "\n"
	err := l.file.Truncate(0)
	if err == nil {
		_, err = l.file.WriteAt([]byte(text), 0)
	}
	if err != nil {
		return fmt.Errorf("cannot sign %q: %w", l.file.Name(), err)
	}
	return nil
}

// holder is who has signed.
func (l *Lock) holder() (pid int) {
	text, _ := io.ReadAll(io.NewSectionReader(l.file, 0, 32)) // without it the refusal is shorter
	pid, _ = strconv.Atoi(string(bytes.TrimSpace(text)))
	return pid
}

// Copy is a descriptor of the lock, for the next process. The caller closes it.
func (l *Lock) Copy() (fd int, err error) {
	own, _, errno := syscall.Syscall(syscall.SYS_FCNTL, l.file.Fd(), syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return -1, fmt.Errorf("cannot copy a lock: %w", os.NewSyscallError("fcntl", errno))
	}
	return int(own), nil
}

// Release lets go. Where another process has a copy it keeps the lock.
func (l *Lock) Release() {
	if l != nil {
		_ = l.file.Close() // nothing waits to be written
	}
}
