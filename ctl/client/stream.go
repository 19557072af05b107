package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/pool/safely"
)

const (
	// eventBytesMax bounds a line of a stream.
	eventBytesMax = 1 << 20
	// silenceMax is how long a stream may say nothing: there is a comment each 15 s.
	silenceMax = time.Minute
)

// ErrEnded says that a stream has begun and ended: the process drains, was ended, or cannot
// be reached any more.
var ErrEnded = errors.New("the stream has ended: the process ends, or cannot be reached any more")

// Event is one event of a stream.
type Event struct {
	// ID names it, where it may be resumed behind it.
	ID string
	// Type is one of the types of package api; Data is JSON in one line.
	Type string
	Data []byte
}

// Tap has each called with every exchange that ends from now on, as GET /api/v1/tap says it.
// The query has its parameters. It returns the error of each or of ctx, or ErrEnded.
func (c *Client) Tap(ctx context.Context, query url.Values, each func(e *Event) error) error {
	return c.stream(ctx, "/api/v1/tap?"+query.Encode(), "", each)
}

// Events has each called with what happens from now on, or behind the event with the id
// after; it returns as Tap does.
func (c *Client) Events(ctx context.Context, after string, each func(e *Event) error) error {
	return c.stream(ctx, "/api/v1/events", after, each)
}

// stream is Tap and Events. The time-out of the client is for the begin of the answer.
func (c *Client) stream(ctx context.Context, path, after string, each func(e *Event) error) error {
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	patience := safely.After(c.http.Timeout, "patience", cancel)
	defer patience.Stop()
	req, err := http.NewRequestWithContext(within, http.MethodGet, c.base+path, http.NoBody)
	if err != nil {
		return fmt.Errorf("cannot make a request to %s: %w", c.admin, err)
	}
	req.Header.Set("Accept", "text/event-stream, application/problem+json")
	req.Header.Set("User-Agent", "isame-ctl")
	if after != "" {
		req.Header.Set("Last-Event-ID", after)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.patient().http.Do(req)
	switch {
	case ctx.Err() != nil:
		return ctx.Err() //nolint:wrapcheck // the caller's own
	case within.Err() != nil:
		return &UnreachableError{Admin: c.admin, Err: errors.New("no answer in time")}
	case err != nil:
		return &UnreachableError{Admin: c.admin, Err: causeOf(err)}
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		body, err := io.ReadAll(io.LimitReader(resp.Body, eventBytesMax))
		if err != nil {
			return &UnreachableError{Admin: c.admin, Err: causeOf(err)}
		}
		return c.refusal(resp, body)
	}
	err = readEvents(resp.Body, func() { patience.Reset(silenceMax) }, each)
	if ctx.Err() != nil {
		return ctx.Err() //nolint:wrapcheck // the caller's own
	}
	return err
}

// readEvents reads a stream to its end, as the HTML standard says (section 9.2.6). alive is
// called for every line.
func readEvents(from io.Reader, alive func(), each func(e *Event) error) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, eventBytesMax)
	var e Event
	for alive(); lines.Scan(); alive() {
		line := lines.Text()
		if line == "" {
			if len(e.Data) > 0 {
				if err := each(&e); err != nil {
					return err
				}
			}
			e = Event{ID: e.ID}
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "id":
			e.ID = value
		case "event":
			e.Type = value
		case "data":
			if len(e.Data) > 0 {
				e.Data = append(e.Data, '\n')
			}
			e.Data = append(e.Data, value...)
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("cannot read the stream: a line is longer than %d bytes", eventBytesMax)
	}
	return ErrEnded
}
