package picture

import "github.com/isame-lb/isame-lb/ctl/api"

// Reader is one who reads, at its own pace. Next is for one goroutine at a time; Leave is called
// once, and Next not behind it.
type Reader struct {
	hub   *Hub
	parts Parts
	ring  func()

	begun  bool
	number uint64 // of the last frame that it has
}

// Next is the next event: its type and its data, which nobody changes. "" where there is none
// yet. The first one is a picture, and so is one behind a gap.
func (r *Reader) Next() (kind string, data []byte) {
	h := r.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.begun {
		for {
			f, ok := h.mu.frames.behind(r.number)
			if !ok {
				break
			}
			if f == nil {
				return "", nil
			}
			r.number = f.number
			if f.isFor(r.parts) {
				return api.EventChange, f.text(r.parts)
			}
		}
	}
	if !h.hasLocked(r.parts) {
		return "", nil
	}
	p := h.pictureLocked(r.parts)
	r.begun, r.number = true, p.number
	return api.EventPicture, p.body
}

// pictureLocked is one that the frames which are kept go on from.
func (h *Hub) pictureLocked(parts Parts) *text {
	l := &h.mu.frames
	p := &l.pictures[parts]
	if _, ok := l.behind(p.number); p.body == nil || !ok || l.last-p.number > pictureFrames {
		*p = text{body: h.mu.state.appendAll(nil, parts), number: l.last}
	}
	return p
}

// pictureFrames is how many frames a picture may be behind that is given to somebody: reading
// these costs about as much as another picture would.
const pictureFrames = 16

// Leave ends it. Behind the last reader nobody looks any more.
func (r *Reader) Leave() {
	h := r.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.mu.readers, r)
	if len(h.mu.readers) == 0 {
		h.askLocked()
	}
}
