package load

import "golang.org/x/sys/unix"

// start begins a request on a connection that is in no list.
func (w *worker) start(c *conn, from, now int64) {
	c.call = &w.t.calls[w.nextOf]
	w.nextOf++
	if w.nextOf == len(w.t.calls) {
		w.nextOf = 0
	}
	c.from, c.sent = from, now
	w.busy.push(c)
	if c.fd < 0 {
		w.dial(c)
		return
	}
	w.say(c)
}

// dial opens a connection for the request c has, or for its first one.
func (w *worker) dial(c *conn) {
	c.state = connConnecting
	fd, err := w.address.open()
	if err != nil {
		w.failed(c, connectCause(err), err)
		return
	}
	c.fd, c.watched = fd, unix.EPOLLIN|unix.EPOLLOUT
	if err := w.poll.add(fd, c.index, c.watched); err != nil {
		w.failed(c, CauseOther, err)
	}
}

// watch asks for events on the connection's socket: always for bytes to read,
// and for room to write when more is set.
func (w *worker) watch(c *conn, more bool) {
	events := uint32(unix.EPOLLIN)
	if more {
		events |= unix.EPOLLOUT
	}
	if events == c.watched {
		return
	}
	c.watched = events
	if err := w.poll.change(c.fd, c.index, events); err != nil {
		w.failed(c, CauseOther, err)
	}
}

// event handles what epoll tells of a connection.
func (w *worker) event(c *conn, events uint32) {
	switch c.state {
	case connConnecting:
		w.connected(c)
	case connHandshaking:
		w.shake(c)
	case connSending:
		if events&unix.EPOLLIN != 0 {
			w.receive(c) // an answer before the request is through
			return
		}
		w.send(c)
	case connWaiting:
		w.receive(c)
	case connIdle:
		w.idleEvent(c)
	case connClosed, connResting: // an event of the socket that was just closed
	}
}

// connected ends a connect.
func (w *worker) connected(c *conn) {
	if err := connectError(c.fd); err != nil {
		w.failed(c, connectCause(err), err)
		return
	}
	w.record.opened++
	c.carried = 0
	if w.t.tls != nil {
		c.state, c.tls = connHandshaking, newSession(c.fd, w.t.tls)
		w.shake(c)
		return
	}
	w.opened(c)
}

// shake goes on with a TLS handshake.
func (w *worker) shake(c *conn) {
	done, err := c.tls.handshake()
	switch {
	case err != nil:
		w.failed(c, CauseTLS, err)
	case done:
		if c.tls.conn.ConnectionState().DidResume {
			w.record.resumed++
		}
		w.opened(c)
	default:
		w.watch(c, c.tls.unwritten())
	}
}

// opened goes on with a connection that is open.
func (w *worker) opened(c *conn) {
	if w.t.opening != nil {
		w.upgrade(c)
		return
	}
	w.ready(c)
}

// ready goes on with a connection that is open for requests.
func (w *worker) ready(c *conn) {
	now := w.now()
	w.record.connect.Record(now - c.sent)
	if c.call == nil {
		w.busy.remove(c)
		c.state = connIdle
		w.idle.pushFront(c)
		w.watch(c, false)
		return
	}
	w.say(c)
}

// say sends the request c has.
func (w *worker) say(c *conn) {
	c.state, c.out, c.written = connSending, c.call.bytes, 0
	c.scan.Reset(c.call.head)
	c.message.Reset()
	w.send(c)
}

// send writes what is left of the request.
func (w *worker) send(c *conn) {
	done, err := c.write()
	if err != nil && err != errAgain { //nolint:errorlint // our own value, never wrapped
		// The peer may have answered before it closed: that answer counts.
		w.receiveLast(c, err)
		return
	}
	if done {
		c.state = connWaiting
	}
	w.watch(c, !done)
}
