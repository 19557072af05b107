package load

import "golang.org/x/sys/unix"

// receive reads what has come of the answer.
func (w *worker) receive(c *conn) {
	for range readsMax {
		if left := c.scan.Skippable(); left >= discardMin && w.discards {
			if !w.discard(c, left) {
				return
			}
			continue
		}
		n, err := c.read(w.buf)
		if n > 0 {
			w.record.bytesIn += uint64(n)
			if c.opening {
				w.upgraded(c, w.buf[:n])
				return
			}
			done, bad := w.feed(c, w.buf[:n])
			if bad != nil {
				w.failed(c, CauseFraming, bad)
				return
			}
			if done {
				w.answered(c)
				return
			}
		}
		if err != nil {
			w.readEnded(c, err)
			return
		}
		if n < len(w.buf) && c.tls == nil {
			return
		}
	}
	if c.tls != nil { // epoll does not know of bytes that are decrypted already
		w.pending = append(w.pending, c.index)
	}
}

// discard throws away the next bytes of a long body. It reports whether there may be
// more of the answer to read.
func (w *worker) discard(c *conn, left int64) (more bool) {
	n, err := discardSocket(c.fd, left)
	if err != nil {
		w.readEnded(c, err)
		return false
	}
	w.record.bytesIn += uint64(n)
	if c.scan.Skip(n) {
		w.answered(c)
		return false
	}
	return true
}

// readEnded sorts a read that brought nothing.
func (w *worker) readEnded(c *conn, err error) {
	switch {
	case err == errAgain: //nolint:errorlint // our own value, never wrapped
	case c.ioCause(err) == CauseCut && c.scan.Close():
		w.answered(c)
	default:
		w.failed(c, c.ioCause(err), err)
	}
}

// receiveLast reads what a peer sent before a write to it failed.
func (w *worker) receiveLast(c *conn, cause error) {
	for range readsMax {
		n, err := c.read(w.buf)
		if n == 0 || err != nil {
			break
		}
		if c.opening {
			break
		}
		done, bad := w.feed(c, w.buf[:n])
		if bad != nil {
			break
		}
		if done {
			w.answered(c)
			return
		}
	}
	w.failed(c, c.ioCause(cause), cause)
}

// answered counts a complete answer and lets the connection go on.
func (w *worker) answered(c *conn) {
	now := w.now()
	w.busy.remove(c)
	w.record.handled++
	if now >= w.schedule.warm && now < w.until {
		w.record.inTime++
	}
	if c.from >= w.schedule.warm {
		w.record.bytesOut += uint64(c.written)
		w.record.answer(w.status(c), now-c.from, now)
	}
	c.carried++
	if !w.stays(c) {
		w.hangUp(c)
	}
	w.proceed(c, now)
}

// failed counts the request as an error and closes the connection.
func (w *worker) failed(c *conn, cause Cause, err error) {
	now := w.now()
	w.busy.remove(c)
	switch {
	case c.call == nil:
		w.openErr = err
	case c.from >= w.schedule.warm:
		w.record.fail(cause, err, now-c.from, now)
	}
	rest := c.state == connConnecting || c.state == connHandshaking || c.opening
	w.hangUp(c)
	if rest {
		c.state, c.wakeAt = connResting, now+restNanos
		w.resting.push(c)
		return
	}
	w.proceed(c, now)
}

// proceed gives a connection that is in no list its next request, if one is due.
func (w *worker) proceed(c *conn, now int64) {
	c.free = now
	// A closed connection goes through dispatch: a failing one must not recurse.
	if c.fd >= 0 {
		if from, ok := w.schedule.take(now); ok {
			w.start(c, from, now)
			return
		}
		c.state = connIdle
		w.idle.pushFront(c)
		return
	}
	c.state = connClosed
	w.idle.push(c)
}

// idleEvent handles a connection that tells something while no request is under
// way: the peer closes it (no error), or it sends what nobody asked for.
func (w *worker) idleEvent(c *conn) {
	n, err := c.read(w.buf)
	now := w.now()
	switch {
	case n > 0 && c.call != nil && now >= w.schedule.warm:
		w.record.fail(CauseFraming, errUnasked, 0, now)
	case err == errAgain: //nolint:errorlint // our own value, never wrapped
		return
	}
	w.idle.remove(c)
	w.hangUp(c)
	w.proceed(c, now)
}

// hangUp closes the socket, if there is one.
func (w *worker) hangUp(c *conn) {
	if c.tls != nil {
		c.tls.close()
		c.tls = nil
	}
	if c.fd >= 0 {
		unix.Close(c.fd)
	}
	c.fd, c.state, c.opening = -1, connClosed, false
}
