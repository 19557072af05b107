package middleware

import (
	"fmt"
	"mime"
	"os"
	"path/filepath"

	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/end"
)

// page is an answer of a stage: its own content, or what the proxy says of an end.
type page struct {
	reject *answer.Reject // for calls of gRPC, and where there is no content
	reply  stage.Reply
	fixed  bool // reply has a content
}

// source is where the content of a page comes from: text as it stands, or a file.
type source struct{ body, file, contentType string }

// pageBytesMax bounds a file that is kept in memory.
const pageBytesMax = 16 << 20

func newPage(status int, e end.End, from source) (p page, err error) {
	p.reject = answer.New(status, e, "")
	p.reply = stage.Reply{Status: status, End: e}
	p.reply.Body, p.reply.ContentType, err = from.read()
	p.fixed = from.body != "" || from.file != ""
	return p, err
}

// ReadContent is the content of a fixed answer, text or that of a file, and its media
// type. An error begins with the key that it is about.
func ReadContent(body, file, contentType string) ([]byte, string, error) {
	return source{body, file, contentType}.read()
}

// read is the content, and its media type.
func (s source) read() (body []byte, contentType string, err error) {
	contentType = s.contentType
	if s.file == "" {
		if contentType == "" {
			contentType = "text/plain"
		}
		return []byte(s.body), contentType, nil
	}
	if contentType == "" {
		if contentType = mime.TypeByExtension(filepath.Ext(s.file)); contentType == "" {
			contentType = "application/octet-stream"
		}
	}
	at, err := os.Stat(s.file)
	if err != nil {
		return nil, "", fmt.Errorf("file: %w", err)
	}
	if at.Size() > pageBytesMax {
		return nil, "", fmt.Errorf("file: %q is larger than %d MiB", s.file, pageBytesMax>>20) //nolint:err113 // for people
	}
	if body, err = os.ReadFile(s.file); err != nil {
		return nil, "", fmt.Errorf("file: %w", err)
	}
	return body, contentType, nil
}

// answer answers with the page.
func (p *page) answer(c *stage.Call) stage.Verdict {
	if !p.fixed || c.IsCall() {
		return c.Refuse(p.reject)
	}
	return c.Respond(p.reply)
}
