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
	command *exec.Cmd
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
	if p.heir.command != nil {
		return
	}
	err := p.startHeir()
	if err != nil {
		p.upgradeFailed(fmt.Errorf("cannot start the new process: %w", err))
		return
	}
	p.log.Info().Str("trigger", trigger).Str("program", p.program).Int("new_pid", p.heir.command.Process.Pid).
		Msg("upgrading: the new process starts, this one serves until it does")
}

// startHeir starts the program with copies of the sockets.
func (p *proxy) startHeir() error {
	if p.program == "" {
		return errors.New("the file of this program is not known")
	}
	files, text, err := p.estate()
	defer func() {
		for _, f := range files {
			_ = f.Close() // the new process has its own
		}
	}()
	if err != nil {
		return err
	}
	listen, say, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("cannot make a pipe: %w", err)
	}
	files = append(files, say)
	c := exec.Command(p.program, os.Args[1:]...)
	c.Env = append(heirEnvironment(os.Environ()), handoverVariable+"="+text)
	c.ExtraFiles, c.Stdout, c.Stderr = files, os.Stdout, os.Stderr
	if err := c.Start(); err != nil {
		return errors.Join(err, listen.Close())
	}
	p.heir.command, p.heir.late = c, time.After(upgradeTime)
	ready, ended := make(chan []string, 1), make(chan error, 1)
	p.heir.ready, p.heir.ended = ready, ended
	safely.Go("upgrade", func() {
		defer func() { _ = listen.Close() }()
		var taken []string
		if json.NewDecoder(io.LimitReader(listen, 1<<20)).Decode(&taken) == nil {
			ready <- taken
		}
	})
	safely.Go("upgrade", func() { ended <- c.Wait() })
	return nil
}

// firstExtraFD is the descriptor of the first of exec.Cmd's ExtraFiles.
const firstExtraFD = 3

// estate is what the next process gets, and how it is told of it. The pipe comes last.
func (p *proxy) estate() (files []*os.File, text string, err error) {
	sockets, err := p.engine.Handover()
	if err != nil {
		return nil, "", err
	}
	var h handover
	add := func(key string, f *os.File) {
		h.Sockets = append(h.Sockets, handedSocket{key, firstExtraFD + len(files)})
		files = append(files, f)
	}
	for _, s := range sockets {
		add(s.Key, s.File)
	}
	if p.admin != nil {
		f, err := p.admin.Handover()
		if err != nil {
			return files, "", err
		}
		if f != nil {
			add(ctl.HeritageKey, f)
		}
	}
	h.Ready = firstExtraFD + len(files)
	body, err := json.Marshal(h)
	return files, string(body), err
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
	if c := p.heir.command; c != nil {
		_ = c.Process.Kill() // it may have ended
	}
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
	pid := p.heir.command.Process.Pid
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

// errHeirEnded is a new process that ended, without a fault, before it served.
var errHeirEnded = errors.New("the new process has ended before it served")

// heirEnded is why a new process that has ended did not take over.
func heirEnded(err error) error {
	if err == nil {
		return errHeirEnded
	}
	return fmt.Errorf("%w: %w (its log says why)", errHeirEnded, err)
}

// errHeirUnwanted is one that starts while this process was told to end.
var errHeirUnwanted = errors.New("this process was told to end")

// errHeirLate is a new process that takes too long.
var errHeirLate = fmt.Errorf("the new process does not serve after %v, and was ended", upgradeTime)
