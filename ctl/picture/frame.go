package picture

import (
	"slices"
	"strconv"
)

const (
	// framesMax and frameBytesMax bound what is kept for readers that are behind.
	framesMax     = 64
	frameBytesMax = 1 << 20
)

// frame is what has become different at one look, as members of an object, each with a comma before it.
type frame struct {
	at                     int64
	number                 uint64
	head, backends, routes []byte

	texts [partsAll + 1][]byte // as they are sent, by parts; made for the first who wants them
}

func (f *frame) isEmpty() bool { return f.size() == 0 }
func (f *frame) size() int     { return len(f.head) + len(f.backends) + len(f.routes) }

// isFor reports that something of it is for who wants these parts.
func (f *frame) isFor(parts Parts) bool {
	return len(f.head) > 0 || parts&Backends != 0 && len(f.backends) > 0 || parts&Routes != 0 && len(f.routes) > 0
}

// text is the frame as an object for who wants these parts.
func (f *frame) text(parts Parts) []byte {
	if f.texts[parts] == nil {
		out := make([]byte, 0, f.size()+32)
		out = strconv.AppendInt(append(out, `{"at_ms":`...), f.at, 10)
		out = append(out, f.head...)
		if parts&Backends != 0 {
			out = append(out, f.backends...)
		}
		if parts&Routes != 0 {
			out = append(out, f.routes...)
		}
		f.texts[parts] = append(out, '}')
	}
	return f.texts[parts]
}

// text is a picture with the number of the last frame in it.
type text struct {
	body   []byte
	number uint64
}

// frames are the last ones, and the pictures that they go on from.
type frames struct {
	list  []*frame // oldest first
	bytes int
	last  uint64 // the number of the last one; the first is 1

	// pictures are those that were made last, by parts. One is given to all who come until the frames
	// behind it are not all kept any more, so that few are in memory, however many hold one.
	pictures [partsAll + 1]text
}

// add keeps a frame; the oldest ones go.
func (l *frames) add(f *frame) {
	l.last++
	f.number = l.last
	l.list, l.bytes = append(l.list, f), l.bytes+f.size()
	gone := 0
	for len(l.list)-gone > 1 && (len(l.list)-gone > framesMax || l.bytes > frameBytesMax) {
		l.bytes -= l.list[gone].size()
		gone++
	}
	l.list = slices.Delete(l.list, 0, gone)
}

// behind is the first frame behind a number; nil where there is none. ok is false where one before
// it is not kept any more.
func (l *frames) behind(number uint64) (f *frame, ok bool) {
	missing := l.last - number
	if missing > uint64(len(l.list)) {
		return nil, false
	}
	if missing == 0 {
		return nil, true
	}
	return l.list[uint64(len(l.list))-missing], true
}
