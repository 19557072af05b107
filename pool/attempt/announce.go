package attempt

import (
	"fmt"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// Announcement is whether, and in which version, a connection to a backend begins
// with a PROXY header that names the client.
//
// Such a connection belongs to that client: everything on it would be taken for
// its word. So it carries one request and is never pooled. Keeping it for further
// requests of the same client's connection was considered: where a pool has
// several backends the next request usually goes to another one, and connections
// that wait for one client only would use up connections.max.
type Announcement uint8

// Announcements, as pools.*.proxy_protocol names them: off, v1 and v2.
const (
	AnnounceNothing Announcement = iota
	announceV1
	announceV2
)

// AnnouncementOf reads pools.*.proxy_protocol.
func AnnouncementOf(word string) (Announcement, error) {
	switch word {
	case "", "off":
		return AnnounceNothing, nil
	case "v1":
		return announceV1, nil
	case "v2":
		return announceV2, nil
	}
	return AnnounceNothing, fmt.Errorf("%q is none of off, v1 and v2", word)
}

// String is the configuration's word.
func (a Announcement) String() string { return [...]string{"off", "v1", "v2"}[a] }

// Append appends the header of a client's connection; one that is not known, and
// our own for a probe, is the zero value: UNKNOWN in version 1, LOCAL in 2.
func (a Announcement) Append(b []byte, client *wire.ProxyHeader) []byte {
	switch a {
	case announceV1:
		return client.AppendV1(b)
	case announceV2:
		return client.AppendV2(b)
	case AnnounceNothing:
	}
	return b
}
