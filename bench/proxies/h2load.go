package proxies

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/bench/compare"
	"github.com/isame-lb/isame-lb/bench/load"
)

// h2load is the generator of HTTP/2, of nghttp2.
const h2load = "h2load"

// h2loadLinesMax bounds what is read of it: it prints some tens of lines.
const h2loadLinesMax = 10000

// fullCore is how much of its core a proxy uses that is the limit of the rate.
const fullCore = 0.92

// loadHTTP2 runs h2load against an entrant. Its connections and its warm-up come
// before what is measured.
func (c *contest) loadHTTP2(ctx context.Context, e *entrant, d time.Duration) (*load.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, d+readyWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.programs[h2load], "-t", "1", "-c", strconv.Itoa(c.connections), "-m", strconv.Itoa(c.streams),
		"-D", milliseconds(d), "--warm-up-time", milliseconds(warmUp), e.url+c.path)
	cmd.Stderr = c.Log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("cannot read what %s says: %w", h2load, err)
	}
	if err := onCore(c.otherCore, cmd.Start); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", h2load, err)
	}
	m := compare.Meter{PID: e.process.pid()}
	r, err := readH2load(out, m.Begin, m.End)
	if ended := cmd.Wait(); err == nil && ended != nil {
		err = ended
	}
	if err != nil {
		return nil, fmt.Errorf("cannot send load to %s: %w", e.name, err)
	}
	used, err := m.Used()
	if err != nil {
		return nil, fmt.Errorf("cannot measure the CPU time: %w", err)
	}
	r.Rate = float64(r.Requests) / d.Seconds()
	r.TargetCPU = float64(used.Nanoseconds()) / 1e3 / float64(max(r.Requests, 1))
	r.Generator.Limit = load.LimitTarget
	if used.Seconds() < fullCore*d.Seconds() {
		r.Generator.Limit = load.LimitGenerator // or the origin, which shares its core
	}
	return r, nil
}

// milliseconds is how h2load reads a duration: it knows no fractions.
func milliseconds(d time.Duration) string {
	return strconv.FormatInt(max(d.Milliseconds(), 1), 10) + "ms"
}

// readH2load reads what h2load prints as it comes, calls begin and end around what
// it counts, and returns its counts.
func readH2load(out io.Reader, begin, end func()) (*load.Result, error) {
	var r *load.Result
	began, ended := false, false
	in := bufio.NewScanner(out)
	for n := 0; in.Scan(); n++ {
		line := in.Text()
		rest, counts := strings.CutPrefix(line, "requests: ")
		switch {
		case n == h2loadLinesMax:
			return nil, fmt.Errorf("cannot read more than %d lines of %s", h2loadLinesMax, h2load)
		case !began && strings.HasPrefix(line, "Main benchmark duration is started"):
			began = true
			begin()
		case began && !ended && strings.HasPrefix(line, "Main benchmark duration is over"):
			ended = true
			end()
		case counts:
			var err error
			if r, err = readCounts(rest); err != nil {
				return nil, err
			}
		case r != nil && strings.HasPrefix(line, "status codes: "):
			if err := readStatuses(r, strings.TrimPrefix(line, "status codes: ")); err != nil {
				return nil, err
			}
		}
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("cannot read what %s says: %w", h2load, err)
	}
	if r == nil || !ended {
		return nil, fmt.Errorf("cannot find the outcome in what %s says", h2load)
	}
	return r, nil
}

// readCounts reads "61178 total, 61178 started, 61178 done, 61178 succeeded, 0
// failed, 0 errored, 0 timeout". Failed are those errored, timed out or answered
// with a status that is an error.
func readCounts(text string) (*load.Result, error) {
	var total, started, done, succeeded, failed, errored, timeout uint64
	_, err := fmt.Sscanf(text, "%d total, %d started, %d done, %d succeeded, %d failed, %d errored, %d timeout",
		&total, &started, &done, &succeeded, &failed, &errored, &timeout)
	if err != nil {
		return nil, fmt.Errorf("cannot read the counts %q of %s: %w", text, h2load, err)
	}
	return &load.Result{Requests: done, Handled: done, Errors: errored, Answers: map[string]uint64{}}, nil
}

// readStatuses reads "61178 2xx, 0 3xx, 0 4xx, 0 5xx".
func readStatuses(r *load.Result, text string) error {
	var n [4]uint64
	if _, err := fmt.Sscanf(text, "%d 2xx, %d 3xx, %d 4xx, %d 5xx", &n[0], &n[1], &n[2], &n[3]); err != nil {
		return fmt.Errorf("cannot read the statuses %q of %s: %w", text, h2load, err)
	}
	for i, count := range n {
		if count > 0 {
			r.Answers[strconv.Itoa(100*(i+2))] = count
		}
	}
	return nil
}
