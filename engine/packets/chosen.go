package packets

import "time"

// A handshake may begin with one process and go on with the next: the hello of a client can
// be longer than a packet, and until the client has had an answer its packets have the id
// that it has chosen itself. So the last of these ids are handed over.
const (
	// chosenMax bounds them. Where there are more handshakes at once, those of the older
	// ones that are cut in two take as long as a lost packet takes.
	chosenMax = 256
	// chosenTime is for how long an id is remembered: clients repeat themselves after a
	// second at the latest, as long as they have no answer.
	chosenTime = 3 * time.Second
)

// chosenID is an id that a client has chosen, and when it was last met.
type chosenID struct {
	atNanos int64
	length  uint8
	id      [idBytesMax]byte
}

func (c *chosenID) bytes() []byte { return c.id[:c.length] }

// chosenRing are the last ids that clients have chosen. One goroutine uses it.
type chosenRing struct {
	last [chosenMax]chosenID
	next int
}

// add remembers an id, of at most idBytesMax bytes.
func (r *chosenRing) add(id []byte, nowNanos int64) {
	c := &r.last[r.next]
	r.next = (r.next + 1) % chosenMax
	c.atNanos, c.length = nowNanos, uint8(copy(c.id[:], id))
}

// young are those that were met within chosenTime.
func (r *chosenRing) young(nowNanos int64) (ids [][]byte) {
	for i := range r.last {
		if c := &r.last[i]; c.length > 0 && nowNanos-c.atNanos < int64(chosenTime) {
			ids = append(ids, c.bytes())
		}
	}
	return ids
}
