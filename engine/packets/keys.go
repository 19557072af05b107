package packets

import (
	"crypto/rand"

	"github.com/quic-go/quic-go"
)

// Keys are what all processes of a port have in common: a client that shows a token of one
// is known to the others, and when a process has died the next one can tell its clients so.
type Keys struct {
	Reset quic.StatelessResetKey
	Token quic.TokenGeneratorKey
}

func newKeys() (k Keys) {
	_, _ = rand.Read(k.Reset[:]) // never fails
	_, _ = rand.Read(k.Token[:])
	return k
}

func (k *Keys) append(room []byte) []byte {
	return append(append(append(room, kindKeys), k.Reset[:]...), k.Token[:]...)
}

func (k *Keys) parse(text []byte) error {
	if len(text) != 1+len(k.Reset)+len(k.Token) || text[0] != kindKeys {
		return errMessage
	}
	n := 1 + copy(k.Reset[:], text[1:])
	copy(k.Token[:], text[n:])
	return nil
}
