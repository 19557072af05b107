package stream

import "strconv"

// chunker tells content as a chunked body (RFC 9112 section 7.1): what is there
// becomes one chunk.
type chunker struct {
	carry [24]byte // framing on its way
	from  int
	to    int
	left  int  // content of the chunk
	last  bool // the last chunk was begun
	told  int  // bytes of trailers that were told
	over  bool // and the empty line behind them
}

// read moves text of what in holds into p: n bytes, of which some were content. Nothing
// may be dropped in the middle of it.
func (c *chunker) read(p []byte, in *Input) (n, content int, whole bool) {
	for n < len(p) {
		switch {
		case c.from < c.to:
			k := copy(p[n:], c.carry[c.from:c.to])
			c.from += k
			n += k
		case c.left > 0:
			k := in.queue.Take(p[n:min(len(p), n+c.left)])
			c.left -= k
			n += k
			content += k
			if c.left == 0 {
				c.say("\r\n")
			}
		case in.queue.Len() > 0:
			c.left = in.queue.Len()
			c.from, c.to = 0, len(append(strconv.AppendInt(c.carry[:0], int64(c.left), 16), "\r\n"...))
		case !in.ended:
			return n, content, false
		case !c.last:
			c.last = true
			c.say("0\r\n")
		case c.told < len(in.trailers):
			k := copy(p[n:], in.trailers[c.told:])
			c.told += k
			n += k
		case !c.over:
			c.over = true
			c.say("\r\n")
		default:
			return n, content, true
		}
	}
	return n, content, false
}

func (c *chunker) say(text string) { c.from, c.to = 0, copy(c.carry[:], text) }
