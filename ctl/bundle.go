package ctl

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/pool/safely"
)

// Bounds of a bundle, before it is compressed.
const (
	// memberBytesMax bounds one file, bundleBytesMax all of them: what is more is cut or left out, and
	// README.txt says so.
	memberBytesMax = 16 << 20
	bundleBytesMax = 128 << 20
)

// member is a file of a bundle.
type member struct {
	name string
	// about is what README.txt says of it.
	about string
	// write writes the content. An error leaves the file out.
	write func(w io.Writer) error
	// isText says that addresses and hosts can be found in it.
	isText bool
}

// bundle is a .tar.gz that is made while it is read, a file at a time, so that no more than
// one is in memory. The one goroutine that answers reads it.
type bundle struct {
	folder  string
	at      time.Time
	members []member
	redact  *redactor // nil shows all
	readme  string    // what stands above the list of files

	out   bytes.Buffer // compressed, not read yet
	zip   *gzip.Writer
	tar   *tar.Writer
	next  int
	used  int
	notes []string // what is missing
	lines []string // of README.txt
	ended bool
}

// begin makes the bundle ready to be read.
func (b *bundle) begin() {
	b.zip = gzip.NewWriter(&b.out)
	b.tar = tar.NewWriter(b.zip)
}

// Read makes the next file when all before has been read. A bug ends the archive there: whoever
// unpacks it is told that it is cut.
func (b *bundle) Read(p []byte) (int, error) {
	for b.out.Len() == 0 {
		if b.ended {
			return 0, io.EOF
		}
		err := errBundleBroken
		safely.Do("support", func() { err = b.more() }, nil)
		if err != nil {
			return 0, err
		}
	}
	return b.out.Read(p) //nolint:wrapcheck // a bytes.Buffer has what it says
}

var errBundleBroken = errors.New("a bug has ended the bundle")

// more makes the next file, or ends the archive.
func (b *bundle) more() error {
	if b.next < len(b.members) {
		m := &b.members[b.next]
		b.next++
		return b.add(m)
	}
	b.ended = true
	if err := b.put("README.txt", []byte(b.index())); err != nil {
		return err
	}
	if err := errors.Join(b.tar.Close(), b.zip.Close()); err != nil {
		return fmt.Errorf("cannot end the bundle: %w", err)
	}
	return nil
}

// add makes one file. What cannot be made is noted.
func (b *bundle) add(m *member) error {
	content := limitedBuffer{left: min(memberBytesMax, bundleBytesMax-b.used)}
	if content.left <= 0 {
		b.notes = append(b.notes, m.name+": left out, as the bundle is full")
		return nil
	}
	err := m.write(&content)
	switch {
	case content.cut:
		b.notes = append(b.notes, m.name+": cut, as it is too large")
	case err != nil:
		b.notes = append(b.notes, m.name+": left out: "+b.text(err.Error()))
		return nil
	}
	text := content.Bytes()
	if b.redact != nil && m.isText {
		text = b.redact.text(text)
	}
	b.used += len(text)
	b.lines = append(b.lines, fmt.Sprintf("%-28s %s", m.name, m.about))
	return b.put(m.name, text)
}

// text is what may be said in README.txt.
func (b *bundle) text(s string) string {
	if b.redact == nil {
		return s
	}
	return string(b.redact.text([]byte(s)))
}

// put adds a file to the archive, and what is compressed of it to what is read.
func (b *bundle) put(name string, content []byte) error {
	err := b.tar.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: b.folder + "/" + name, Size: int64(len(content)), Mode: 0o600, ModTime: b.at, Format: tar.FormatPAX,
	})
	if err == nil {
		_, err = b.tar.Write(content)
	}
	if err == nil {
		err = b.zip.Flush()
	}
	if err != nil {
		return fmt.Errorf("cannot put %s into the bundle: %w", name, err)
	}
	return nil
}

// index is README.txt.
func (b *bundle) index() string {
	var sb strings.Builder
	sb.WriteString(b.readme + "\n" + strings.Join(b.lines, "\n") + "\n")
	if len(b.notes) > 0 {
		sb.WriteString("\nWhat is missing:\n\n" + strings.Join(b.notes, "\n") + "\n")
	}
	return sb.String()
}

// limitedBuffer takes as much as is left, and drops the rest.
type limitedBuffer struct {
	bytes.Buffer

	left int
	cut  bool
}

func (l *limitedBuffer) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.cut = l.cut || n < len(p)
	l.left -= n
	l.Buffer.Write(p[:n])
	return len(p), nil
}
