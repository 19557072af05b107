package record

import "time"

// newestMax is how many records of each ring Newest shows.
const newestMax = 2048

// Newest is what a metric says of an exchange, to lead to its record.
type Newest struct {
	// ID is what is kept of the request id, by which the record is found.
	ID, Route string
	Took      time.Duration
	Ended     time.Time
}

// Newest calls see for the exchanges that ended last, and for the last ones of those that
// were slow or ended badly. One may come several times.
func (c *Recorder) Newest(see func(*Newest)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := c.rings.Load()
	if kept == nil {
		return
	}
	for shard := range kept.shards {
		for k := range kinds {
			kept.shards[shard].ring(k).newest(newestMax, func(r *Record) {
				if r.idLen > 0 && r.Flags&Tunnel == 0 {
					see(&Newest{ID: string(r.idKept()), Route: c.Names.text(r.Route), Took: time.Duration(r.Took), Ended: time.Unix(0, r.ended())})
				}
			})
		}
	}
}

// newest calls see for the last records that were put, at most so many, the oldest first.
func (g *ring) newest(most uint64, see func(r *Record)) {
	head, r := g.head.Load(), new(Record)
	for place := head - min(head, g.slots, most); place < head; place++ {
		if g.read(place%g.slots, r) != 0 {
			see(r)
		}
	}
}
