package ctl

import (
	"io"
	"sync"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/pool/safely"
)

// pieceBytes is what a long answer grows by.
const pieceBytes = 64 << 10

var sparePieces = sync.Pool{New: func() any { return new([pieceBytes]byte) }}

// pieces is an answer of megabytes, as it is written and then as it is sent. One buffer that grows would be copied whole
// each time, into memory that was never touched: 40 ms in which nobody else runs. It is for one goroutine
// at a time; the zero value is empty.
type pieces struct {
	all  []*[pieceBytes]byte
	used int // bytes of the last one
	read int // bytes that were read of the first one
}

func (p *pieces) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		if len(p.all) == 0 || p.used == pieceBytes {
			one, ok := sparePieces.Get().(*[pieceBytes]byte)
			if !ok {
				panic("BUG: a spare piece is none")
			}
			if len(p.all) > 0 { // a short answer is no long work
				safely.GiveWay()
			}
			p.all, p.used = append(p.all, one), 0
		}
		m := copy(p.all[len(p.all)-1][p.used:], b)
		p.used, b = p.used+m, b[m:]
	}
	return n, nil
}

// size is how many bytes there are.
func (p *pieces) size() int { return max(len(p.all)-1, 0)*pieceBytes + p.used - p.read }

// Read takes what is first; a piece that was read is free again.
func (p *pieces) Read(b []byte) (int, error) {
	if p.size() == 0 {
		return 0, io.EOF
	}
	end := pieceBytes
	if len(p.all) == 1 {
		end = p.used
	}
	n := copy(b, p.all[0][p.read:end])
	if p.read += n; p.read == pieceBytes {
		sparePieces.Put(p.all[0])
		p.all, p.read = p.all[1:], 0
		if len(p.all) == 0 {
			p.used = 0
		}
	}
	return n, nil
}

// Close gives back what was not read.
func (p *pieces) Close() error {
	for _, one := range p.all {
		sparePieces.Put(one)
	}
	*p = pieces{}
	return nil
}

// send makes it the answer, whose it is from here on.
func (p *pieces) send(r *fasthttp.Response) { r.SetBodyStream(p, p.size()) }
