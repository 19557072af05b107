package middleware

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// requestIDs gives a request its id, which backends, clients and logs are told.
type requestIDs struct {
	header stage.Name
	isUUID bool
	trust  whoseID
}

// whoseID says whose ids are kept.
type whoseID uint8

const (
	ofTrusted whoseID = iota
	ofAll
	ofNobody
)

// idBytesMax bounds an id that is kept.
const idBytesMax = 128

// inID are the bytes of an id that is kept.
var inID = stage.OctetsBut("\"\\<>")

var xRequestID = stage.NewName("X-Request-Id")

func newRequestID(k *config.StageRequestID, _ *Place) *requestIDs {
	trust := map[string]whoseID{"trusted_proxies": ofTrusted, "always": ofAll, "never": ofNobody}[k.Trust]
	return &requestIDs{header: stage.NewName(k.Header), isUUID: k.Format == "uuid7", trust: trust}
}

// Request chooses the id. Where its field is another one, X-Request-Id, which says the same
// otherwise, is left out.
func (r *requestIDs) Request(c *stage.Call) stage.Verdict {
	id := r.sent(c)
	if id == nil {
		c.Scratch = r.appendNew(c.Scratch[:0])
		id = c.Scratch
	}
	c.SetID(id)
	c.Request.Set(&r.header, c.ID)
	if r.header.ID() != wire.FieldXRequestID && c.Request.Get(&xRequestID) == nil {
		c.Request.Remove(&xRequestID)
	}
	return stage.Next
}

// Response tells the client.
func (r *requestIDs) Response(c *stage.Call) stage.Verdict {
	if c.ID != nil {
		c.Answer.Set(&r.header, c.ID)
	}
	return stage.Next
}

// sent is the id that the client has sent, nil where it is not to be kept. The head is looked
// at as it came: the field of somebody who is not trusted is out of it already.
func (r *requestIDs) sent(c *stage.Call) []byte {
	if r.trust == ofNobody || r.trust == ofTrusted && !c.Trusted() {
		return nil
	}
	id := r.header.In(&c.Head.Head)
	if len(id) == 0 || len(id) > idBytesMax {
		return nil
	}
	for _, b := range id {
		if !inID[b] {
			return nil
		}
	}
	return id
}

// appendNew appends an id of our own.
func (r *requestIDs) appendNew(dst []byte) []byte {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:], rand.Uint64())
	binary.BigEndian.PutUint64(id[8:], rand.Uint64())
	if r.isUUID {
		return appendUUID(dst, &id, time.Now().UnixMilli())
	}
	return hex.AppendEncode(dst, id[:])
}

// appendUUID appends a UUID of version 7 (RFC 9562 section 5.7) of random bits.
func appendUUID(dst []byte, id *[16]byte, unixMillis int64) []byte {
	const version, variant = 7 << 4, 2 << 6
	var now [8]byte
	binary.BigEndian.PutUint64(now[:], uint64(unixMillis))
	copy(id[:6], now[2:])
	id[6] = id[6]&0xf | version
	id[8] = id[8]&0x3f | variant
	for _, part := range [...][]byte{id[:4], id[4:6], id[6:8], id[8:10]} {
		dst = append(hex.AppendEncode(dst, part), '-')
	}
	return hex.AppendEncode(dst, id[10:])
}
