package run

import (
	"encoding/json"
	"fmt"
	"os"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// handoverVariable is how a process tells the one that it starts which descriptors it has
// from it. It is taken out of the environment at once.
const handoverVariable = "_ISAME_HANDOVER"

// handover is what stands in it.
type handover struct {
	Sockets []handedSocket `json:"sockets"`
	// Parts are descriptors that do not listen. A program that does not know them leaves them alone.
	Parts []handedPart `json:"parts,omitempty"`
	// Ready is a pipe into which the next process writes what it has taken, once it serves.
	Ready int `json:"ready"`
}

type handedSocket struct {
	Key string `json:"key"`
	FD  int    `json:"fd"`
}

type handedPart struct {
	Key  string `json:"key"`
	Name string `json:"name"`
	FD   int    `json:"fd"`
}

// legacy is what this process has from whoever started it.
type legacy struct {
	*socket.Heritage

	ready *os.File // nil where nobody waits
}

// given takes over the sockets of a supervisor ($LISTEN_FDS, sd_listen_fds(3)). The file of
// each has the name that $LISTEN_FDNAMES gives it.
func (l *legacy) given(files []*os.File) (err error) {
	for _, f := range files {
		if err == nil {
			if err = l.AddGiven(int(f.Fd())); err != nil {
				err = fmt.Errorf("cannot use the socket %q of $LISTEN_FDS: %w", f.Name(), err)
			}
		}
		_ = f.Close() // the heritage has a copy
	}
	return err
}

// inherit takes over sockets: those of the process before, or those of a supervisor.
func inherit() (*legacy, error) {
	l := &legacy{Heritage: &socket.Heritage{}}
	text := os.Getenv(handoverVariable)
	if text == "" {
		err := l.given(activation.Files(true))
		return l, err
	}
	_ = os.Unsetenv(handoverVariable)
	var h handover
	if err := json.Unmarshal([]byte(text), &h); err != nil {
		return nil, fmt.Errorf("cannot take over from the process before: %w", err)
	}
	for _, s := range h.Sockets {
		err := l.Add(s.FD, s.Key)
		_ = syscall.Close(s.FD) // likewise
		if err != nil {
			return nil, fmt.Errorf("cannot take over from the process before: %w", err)
		}
	}
	for _, part := range h.Parts {
		err := l.AddPart(part.FD, part.Key, part.Name)
		_ = syscall.Close(part.FD) // likewise
		if err != nil {
			return nil, fmt.Errorf("cannot take over from the process before: %w", err)
		}
	}
	syscall.CloseOnExec(h.Ready)
	l.ready = os.NewFile(uintptr(h.Ready), "ready")
	return l, nil
}

// announce tells the process before which sockets are served here, and gives up the others.
func (l *legacy) announce() (unused []string, err error) {
	taken := l.Taken()
	unused = l.Close()
	if l.ready == nil {
		return unused, nil
	}
	defer func() { _ = l.ready.Close() }()
	if taken == nil {
		taken = []string{}
	}
	if err := json.NewEncoder(l.ready).Encode(taken); err != nil {
		return nil, fmt.Errorf("cannot tell the process before that this one serves: %w", err)
	}
	return unused, nil
}

// announce says that this process serves, and which inherited sockets it had no use for.
func (p *proxy) announce() {
	unused, err := p.legacy.announce()
	if err != nil {
		p.log.Warn().Err(err).Msg("the process before may not drain")
	}
	p.signState()
	for _, address := range unused {
		why := "a socket that was handed over is on no address of the configuration"
		if socket.IsPackets(address) {
			why = "a socket that was handed over is on the address of no listener with http3"
		}
		p.log.Warn().Str("address", address).Msg(why)
	}
}
