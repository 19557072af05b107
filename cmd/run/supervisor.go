package run

import (
	"fmt"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"
)

// supervisor is whoever started the process and wants to know how it is doing, by the
// protocol of sd_notify(3): systemd with Type=notify-reload, for one. Where nobody asks
// ($NOTIFY_SOCKET is not set) it does nothing.
type supervisor struct {
	log zerolog.Logger
	// beat is when it has to hear that the main loop is alive; nil where it does not ask.
	beat <-chan time.Time
	stop func()
}

// newSupervisor reads the environment.
func newSupervisor(log zerolog.Logger) *supervisor {
	s := &supervisor{log: log, stop: func() {}}
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn().Err(err).Msg("cannot read $WATCHDOG_USEC: the supervisor is told nothing about the main loop")
	}
	if interval > 0 {
		t := time.NewTicker(interval / 2)
		s.beat, s.stop = t.C, t.Stop
	}
	return s
}

// ready is said when everything serves: after the start and after each reload, refused ones
// included. status is for people.
func (s *supervisor) ready(status string) {
	s.tell(daemon.SdNotifyReady + "\nSTATUS=" + status)
}

// reloading is said before a reload. ready has to follow.
func (s *supervisor) reloading() {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		s.log.Warn().Err(err).Msg("cannot read the clock that the supervisor asks for")
	}
	s.tell(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, now.Nano()/int64(time.Microsecond)))
}

// stopping is said when the drain begins.
func (s *supervisor) stopping(status string) {
	s.tell(daemon.SdNotifyStopping + "\nSTATUS=" + status)
}

// alive is said at each beat.
func (s *supervisor) alive() { s.tell(daemon.SdNotifyWatchdog) }

func (s *supervisor) tell(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.log.Warn().Err(err).Str("socket", os.Getenv("NOTIFY_SOCKET")).Msg("cannot tell the supervisor how this process is doing")
	}
}
