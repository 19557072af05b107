package client

import (
	"errors"
	"io"
	"net/url"
)

// UnreachableError says that nobody answered: nothing listens there, the
// connection broke, or no answer came in time. Whether a change took place is
// unknown when the connection was made.
type UnreachableError struct {
	// Admin is the address as it was given.
	Admin string
	// Err is the cause.
	Err error
}

// Error names the address and the cause.
func (e *UnreachableError) Error() string {
	return "cannot reach the admin API at " + e.Admin + ": " + e.Err.Error()
}

// Unwrap is the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// causeOf removes what http.Client puts around an error: the URL is in our own text.
func causeOf(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		if u.Timeout() {
			return errors.New("no answer in time")
		}
		err = u.Err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the connection was closed before the answer was complete")
	}
	return err
}
