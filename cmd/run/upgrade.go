package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// upgradeTime is how long a new process may take until it serves.
const upgradeTime = 60 * time.Second

// upgradeReason is why a process drains whose place another one has taken.
const upgradeReason = "upgrade"

// heir is the process that is to take over. The zero value is none: its channels never
// tell anything. The main loop alone uses it.
type heir struct {
	process *os.Process
	ready   chan []string // the sockets that it serves
	ended   chan error
	late    <-chan time.Time
	waiting []chan upgradeOutcome // who has asked for it
}

type upgradeOutcome struct {
	result api.UpgradeResult
	err    error
}

// programFile is where this program is started from again. A file that was replaced there
// is another program, which is what an upgrade is about.
func programFile() (string, error) {
	file, err := exec.LookPath(os.Args[0])
	if err == nil {
		file, err = filepath.Abs(file)
	}
	if err != nil {
		return "", fmt.Errorf("cannot find the program %q: %w", os.Args[0], err)
	}
	return file, nil
}

// requestUpgrade is the admin API's upgrade.
func (p *proxy) requestUpgrade(ctx context.Context) (api.UpgradeResult, error) {
	done := make(chan upgradeOutcome, 1)
	select {
	case p.upgrades <- done:
	case <-p.draining:
		return api.UpgradeResult{}, api.NewProblem(http.StatusConflict, "cannot upgrade: this process is draining")
	case <-ctx.Done():
		return api.UpgradeResult{}, errBusy
	}
	o := <-done // the main loop answers, after upgradeTime at the latest
	return o.result, o.err
}

// beginUpgrade starts the next process, unless one is starting.
func (p *proxy) beginUpgrade(trigger string, asked chan upgradeOutcome) {
	if asked != nil {
		p.heir.waiting = append(p.heir.waiting, asked)
	}
	if p.heir.process != nil {
		return
	}
	err := p.startHeir()
	if err != nil {
		p.upgradeFailed(fmt.Errorf("cannot start the new process: %w", err))
		return
	}
	p.log.Info().Str("trigger", trigger).Str("program", p.program).Int("new_pid", p.heir.process.Pid).
		Msg("upgrading: the new process starts, this one serves until it does")
}

// startHeir starts the program with copies of the sockets. It does so by its own hands, as
// package os would make them wait in the kernel: see socket.Copy.
func (p *proxy) startHeir() error {
	if p.program == "" {
		return errors.New("the file of this program is not known")
	}
	sockets, text, err := p.estate()
	defer func() {
		for _, fd := range sockets {
			_ = syscall.Close(int(fd)) // the new process has its own
		}
	}()
	if err != nil {
		return err
	}
	listen, say, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("cannot make a pipe: %w", err)
	}
	defer func() { _ = say.Close() }()
	nothing, err := os.Open(os.DevNull)
	if err != nil {
		return errors.Join(err, listen.Close())
	}
	defer func() { _ = nothing.Close() }()
	files := append([]uintptr{nothing.Fd(), os.Stdout.Fd(), os.Stderr.Fd()}, sockets...)
	pid, err := syscall.ForkExec(p.program, os.Args, &syscall.ProcAttr{ //nolint:gosec // it is this program
		Env:   append(heirEnvironment(os.Environ()), handoverVariable+"="+text),
		Files: append(files, say.Fd()),
	})
	if err != nil {
		return errors.Join(&os.PathError{Op: "exec", Path: p.program, Err: err}, listen.Close())
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return errors.Join(err, listen.Close())
	}
	p.heir.await(process, listen)
	return nil
}

// await begins to wait for what becomes of the process.
func (h *heir) await(process *os.Process, listen *os.File) {
	ready, ended := make(chan []string, 1), make(chan error, 1)
	h.process, h.ready, h.ended, h.late = process, ready, ended, time.After(upgradeTime)
	safely.Go("upgrade", func() {
		defer func() { _ = listen.Close() }()
		var taken []string
		if json.NewDecoder(io.LimitReader(listen, 1<<20)).Decode(&taken) == nil {
			ready <- taken
		}
	})
	safely.Go("upgrade", func() {
		state, err := process.Wait()
		if err == nil {
			err = errors.New(state.String())
		}
		ended <- err
	})
}

// firstSocket is the descriptor of the first socket in the new process.
const firstSocket = 3

// estate is what the next process gets, and how it is told of it. The pipe comes behind.
func (p *proxy) estate() (sockets []uintptr, text string, err error) {
	all, err := p.engine.Handover()
	if err != nil {
		return nil, "", err
	}
	var h handover
	add := func(key string, fd int) {
		h.Sockets = append(h.Sockets, handedSocket{key, firstSocket + len(sockets)})
		sockets = append(sockets, uintptr(fd))
	}
	addPart := func(key, name string, fd int) {
		h.Parts = append(h.Parts, handedPart{key, name, firstSocket + len(sockets)})
		sockets = append(sockets, uintptr(fd))
	}
	for _, s := range all {
		if s.Part == "" {
			add(s.Key, s.FD)
		} else {
			addPart(s.Key, s.Part, s.FD)
		}
	}
	if p.admin != nil {
		fd, open, err := p.admin.Handover()
		if err != nil {
			return sockets, "", err
		}
		if open {
			add(ctl.HeritageKey, fd)
		}
	}
	if p.stateLock != nil {
		fd, err := p.stateLock.Copy()
		if err != nil {
			return sockets, "", err
		}
		addPart(stateKey, "lock", fd)
	}
	fd, err := p.handOverlay()
	if err != nil {
		return sockets, "", err
	}
	addPart(overlayKey, "json", fd)
	h.Ready = firstSocket + len(sockets)
	body, err := json.Marshal(h)
	return sockets, string(body), err
}

// heirEnvironment is the environment without what is meant for one process by its number.
func heirEnvironment(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(assignment string) bool {
		name, _, _ := strings.Cut(assignment, "=")
		return slices.Contains([]string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID", handoverVariable}, name)
	})
}

// upgradeFailed ends the new process, if there is one, and goes on.
func (p *proxy) upgradeFailed(err error) {
	p.log.Error().Err(err).Msg("not upgraded: this process goes on")
	if process := p.heir.process; process != nil {
		_ = process.Kill() // it may have ended
	}
	p.engine.Retain()
	p.overlay.Resume()
	problem := api.NewProblem(http.StatusUnprocessableEntity, "the upgrade has failed, and the running process goes on: "+err.Error())
	p.answerHeirs(upgradeOutcome{err: problem})
}

func (p *proxy) answerHeirs(o upgradeOutcome) {
	for _, asked := range p.heir.waiting {
		asked <- o
	}
	p.heir = heir{}
}

// upgraded leaves the sockets to the new process. The drain has to follow, unless that one
// has ended again: false.
func (p *proxy) upgraded(taken []string) bool {
	select {
	case err := <-p.heir.ended:
		p.upgradeFailed(heirEnded(err))
		return false
	default:
	}
	pid := p.heir.process.Pid
	p.log.Info().Int("new_pid", pid).Msg("upgraded: the new process serves, this one drains")
	p.engine.Bequeath(taken)
	if p.admin != nil && slices.Contains(taken, ctl.HeritageKey) {
		p.admin.Bequeath()
	}
	p.super.follow(pid)
	p.answerHeirs(upgradeOutcome{result: api.UpgradeResult{PID: pid, OldPID: os.Getpid()}})
	return true
}

// follow makes the supervisor look after another process.
func (s *supervisor) follow(pid int) { s.tell("MAINPID=" + strconv.Itoa(pid)) }

// heirEnded is why a new process that has ended did not take over.
func heirEnded(how error) error {
	return fmt.Errorf("the new process has ended before it served: %w (its log says why)", how)
}

// errHeirUnwanted is one that starts while this process was told to end.
var errHeirUnwanted = errors.New("this process was told to end")

// errHeirLate is a new process that takes too long.
var errHeirLate = fmt.Errorf("the new process does not serve after %v, and was ended", upgradeTime)
