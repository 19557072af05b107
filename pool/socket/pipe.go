package socket

import (
	"errors"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// Bounds of pipes.
const (
	// pipesMax is how many pipes the process has at most, two descriptors each.
	// All of them together are as large as /proc/sys/fs/pipe-user-pages-soft
	// allows an ordinary user.
	pipesMax = 64
	// pipeRoom is the size of a pipe. It has a slot for every 4 KiB of it, and
	// each fragment of a packet takes one, however short: 256 of 1,448 bytes.
	pipeRoom = 1 << 20
	// pipeRoomMin is what a pipe has at least where the kernel refuses pipeRoom,
	// the size of one that nobody has changed. Above the user's allowance it
	// makes pipes of two pages.
	pipeRoomMin = 64 << 10
	// pipeFillMax is how many bytes are in a pipe at most, and so what a client
	// that reads slowly holds: no more than with a buffer for long content.
	pipeFillMax = 256 << 10
)

// Pipe is a pipe of the kernel through which content goes from one socket to
// another without a copy. It is taken when a socket has something to read, and
// given back as soon as it is empty again: an exchange that waits for its
// backend has none. One goroutine owns it; to everybody but package pool it is
// a token between Attempt.NextPiped and Conn.WritePipe.
type Pipe struct {
	in, out int // descriptors
	held    int // bytes inside
}

// idlePipes are open and empty, and belong to nobody. There is a slot for every
// pipe that may exist. A slot that is not nil is taken by swapping in nil, and
// only an owner fills one, so a pipe has one owner; a stale look at a slot costs
// a new pipe, or a copy instead of a splice.
var (
	idlePipes [pipesMax]atomic.Pointer[Pipe]
	pipesOpen atomic.Int32 // idle or owned
)

// TakePipe returns an empty pipe; nil when there are too many already, or the
// kernel has none.
func TakePipe() *Pipe {
	for i := range idlePipes {
		if idlePipes[i].Load() == nil {
			continue
		}
		if p := idlePipes[i].Swap(nil); p != nil {
			return p
		}
	}
	if pipesOpen.Add(1) <= pipesMax {
		if p := newPipe(); p != nil {
			return p
		}
	}
	pipesOpen.Add(-1)
	return nil
}

func newPipe() *Pipe {
	var fds [2]int
	if unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK) != nil {
		return nil
	}
	p := &Pipe{out: fds[0], in: fds[1]}
	room, err := unix.FcntlInt(uintptr(p.in), unix.F_SETPIPE_SZ, pipeRoom)
	if err != nil {
		room, err = unix.FcntlInt(uintptr(p.in), unix.F_GETPIPE_SZ, 0)
	}
	if err != nil || room < pipeRoomMin {
		p.close()
		return nil
	}
	return p
}

// Release gives the pipe back. One that still holds bytes is closed: they are
// somebody's content.
func (p *Pipe) Release() {
	if p.held == 0 {
		for i := range idlePipes {
			if idlePipes[i].CompareAndSwap(nil, p) {
				return
			}
		}
	}
	p.close()
	pipesOpen.Add(-1)
}

func (p *Pipe) close() {
	_ = unix.Close(p.in)
	_ = unix.Close(p.out)
}

// splice moves at most n bytes between a socket and a pipe. Neither waits.
func splice(from, to int, n int64) (int, syscall.Errno) {
	for {
		moved, _, errno := syscall.RawSyscall6(unix.SYS_SPLICE, uintptr(from), 0, uintptr(to), 0, uintptr(n),
			unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		switch errno {
		case 0:
			return int(moved), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

// Span is a part of an open file.
type Span struct {
	FD       int
	At, Left int64
}

var (
	// ErrFileEnded is a file that has fewer bytes than were to be written.
	ErrFileEnded = errors.New("the file ends before what was to be sent of it")
	// ErrNoSendfile is a file that the kernel does not send by itself. The head may be written
	// by then, and what was to follow has to be written in another way.
	ErrNoSendfile = errors.New("the kernel does not send this file by itself")
)
