package stream

import "slices"

// Text is the whole head of the request, as the parser of HTTP/1.1 gets it where nothing
// follows, or as much as content-length says; false: the request is malformed.
func (t *RequestText) Text() (head []byte, ok bool) {
	if !t.Complete(false) {
		return nil, false
	}
	head = slices.Clone(t.text)
	if len(t.cookies) > 0 {
		head = append(append(append(head, "Cookie: "...), t.cookies...), "\r\n"...)
	}
	return append(head, "\r\n"...), true
}
