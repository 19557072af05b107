package stage

// SetHost makes the value the authority that the backend is sent. One that is none is not
// taken.
func (c *Call) SetHost(value *Text) {
	c.Scratch = value.Append(c.Scratch[:0], c)
	c.SetAuthority(c.Scratch)
}

// SetAuthority is SetHost for bytes, which are copied; false where they are none.
func (c *Call) SetAuthority(value []byte) bool {
	if !isAuthority(value) {
		return false
	}
	c.rooms.host = append(c.rooms.host[:0], value...)
	c.Host = c.rooms.host
	return true
}

// isAuthority reports that b may stand in Host (RFC 3986 section 3.2), loosely: nothing in
// it ends the field, or the authority.
func isAuthority(b []byte) bool {
	for _, c := range b {
		if !unreserved(c) && c != ':' && c != '[' && c != ']' {
			return false
		}
	}
	return len(b) > 0
}

// RequestID is the id of the request.
func (c *Call) RequestID() []byte {
	if c.ID != nil {
		return c.ID
	}
	return c.Facts.RequestID()
}

// SetID makes a copy of id the id of the request.
func (c *Call) SetID(id []byte) {
	c.rooms.id = append(c.rooms.id[:0], id...)
	c.ID = c.rooms.id
}

// SetTarget makes a copy of path what the backend is sent, and SetQuery one of query, where
// it is not nil. What is copied may stand in Scratch; it must be what a request target may
// hold, and a path that wire.NormalizePath takes as it is.
func (c *Call) SetTarget(path []byte) {
	c.rooms.target = append(c.rooms.target[:0], path...)
	c.Target = c.rooms.target
}

// SetQuery is for the query string: see SetTarget.
func (c *Call) SetQuery(query []byte) {
	if c.Query = nil; query != nil {
		c.rooms.query = append(c.rooms.query[:0], query...)
		c.Query = c.rooms.query
	}
}

// AddPrefix notes that prefix was taken off the path, behind what was before.
func (c *Call) AddPrefix(prefix []byte) {
	c.rooms.prefix = append(append(c.rooms.prefix[:0], c.Prefix...), prefix...)
	c.Prefix = c.rooms.prefix
}
