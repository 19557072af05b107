package engine

import (
	"bytes"
	"errors"
	"net/http"

	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/files"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// What a route with files does: package files finds the file that a request means, this
// sends it. One that is in memory is found and sent in the loop; where the disk has to be
// asked, a goroutine does both.

// serveFile answers with the file that the request means: atFile.
func (x *exchange) serveFile() phase {
	if !x.isHEAD && string(x.head.Method) != http.MethodGet {
		return x.reject(answer.ReadOnly)
	}
	path, err := x.filePath()
	if err != nil {
		return x.reject(answer.ForError(err))
	}
	nowNanos := socket.Nanos() // that of the request's first byte may be long ago
	if !x.waits {
		x.reader.File = x.route.files.Held(path, nowNanos)
		if x.reader.File == nil {
			return aside
		}
		return x.answerFile()
	}
	// Held is not asked again: it takes who has got nothing for the one who looks at the disk.
	f, found, err := x.route.files.Open(path, nowNanos)
	if found != files.Found {
		return x.noFile(found, err)
	}
	x.reader.File = f
	return x.answerFile()
}

// filePath is the normalised path that names the file: that of the request, or what a
// stage has made of it.
func (x *exchange) filePath() ([]byte, error) {
	if !x.staged || bytes.Equal(x.call.Target, x.target) {
		return x.path, nil
	}
	path, _, err := wire.NormalizePath(x.call.Scratch[:0], x.call.Target)
	return path, err
}

// noFile answers where there is nothing to be sent.
func (x *exchange) noFile(why files.Result, err error) phase {
	switch why {
	case files.Moved:
		return x.toFolder()
	case files.Denied:
		return x.reject(answer.FileDenied)
	case files.Failed:
		x.sayFile(err)
		return x.reject(answer.FileFailed)
	case files.Missing, files.Found:
	}
	return x.reject(answer.FileNotFound)
}

// sayFile says once a second for a route why its files cannot be read. It is called in
// goroutines: a log may block.
func (x *exchange) sayFile(err error) {
	e := x.c.shard.engine
	if x.route.filesSaid.Take(socket.Nanos()) {
		e.log.Error().Err(err).Str("route", x.route.name).Msg("cannot serve the files of a route")
	}
}

// toFolder redirects to the path with a slash at its end. What it says is relative to the
// path that the client has asked for, whatever a stage, or a proxy in front, has made of
// that, and cannot lead to another host; ./ keeps a colon from making a scheme of it.
func (x *exchange) toFolder() phase {
	b := append(x.beginOwn(http.StatusPermanentRedirect), "Location: ./"...)
	b = append(append(b, x.head.Path[bytes.LastIndexByte(x.head.Path, '/')+1:]...), '/')
	if len(x.head.Query) > 0 {
		b = append(append(b, '?'), x.head.Query...)
	}
	return x.endOwn(append(b, "\r\n"...), nil)
}

// conditionNames are the fields that say what a client has of a file, and wants of it.
var conditionNames = [...]struct {
	name string
	of   stage.Name
}{
	{files.IfMatch, stage.NewName("If-Match")},
	{files.IfNoneMatch, stage.NewName("If-None-Match")},
	{files.IfModifiedSince, stage.NewName("If-Modified-Since")},
	{files.IfUnmodifiedSince, stage.NewName("If-Unmodified-Since")},
	{files.IfRange, stage.NewName("If-Range")},
	{files.Range, stage.NewName("Range")},
}

// judgeFile is the status of the answer, and the part of the file that it has.
func (x *exchange) judgeFile() (status int, from, to int64) {
	j := files.Judge{File: x.reader.File}
	switch {
	case x.staged: // a stage may have changed them
		for i := range conditionNames {
			n := &conditionNames[i]
			x.call.Request.Each(&n.of, func(value []byte) bool {
				j.See(n.name, value)
				return true
			})
		}
	case x.head.Has(wire.FieldConditional) || x.head.Has(wire.FieldRange):
		for i := range x.head.Fields {
			f := &x.head.Fields[i]
			if f.ID == wire.FieldConditional || f.ID == wire.FieldRange {
				j.SeeField(x.head.Name(f), x.head.FieldValue(f))
			}
		}
	}
	return j.Verdict(x.isHEAD)
}

// answerFile makes the head of the answer with the file that was found, and sends it where
// its content is in memory.
func (x *exchange) answerFile() phase {
	f := x.reader.File
	status, from, to := x.judgeFile()
	b := x.beginOwn(status)
	switch status {
	case http.StatusPartialContent:
		b = append(f.AppendRange(b, from, to), f.Fields...)
	case http.StatusRequestedRangeNotSatisfiable:
		b = f.AppendRange(b, 0, 0)
	case http.StatusOK:
		b = append(b, f.Fields...)
	default:
		b = append(b, f.Validators...)
	}
	x.reader.At, x.reader.End = from, to
	if from == to || f.Content != nil && !x.streams(to-from) {
		var content []byte
		if f.Content != nil {
			content = f.Content[from:to]
		}
		return x.endOwn(b, content)
	}
	x.source = &x.reader
	if x.staged {
		x.call.Length = to - from
		return x.endOwn(b, nil)
	}
	x.answer = answer.End(b, answer.Content(to-from), x.connection())
	return x.relayOwn()
}

// streams reports that content in memory is sent piece by piece all the same: a stage takes
// its time for each, or bounds how fast they pass.
func (x *exchange) streams(size int64) bool {
	_, paced := x.paces()
	return x.staged && (paced || size > sourceRoom)
}

// sendsFile reports that the kernel can send the content by itself.
func (x *exchange) sendsFile() bool {
	r := &x.reader
	return x.source == &x.reader && r.File.Content == nil && x.coder == nil && !x.copies && x.c.IsBare()
}

// relayFile has the kernel send the content: atRelay, in a goroutine. No piece is so long
// that a drain would take it for a client that takes nothing.
func (x *exchange) relayFile() phase {
	r := &x.reader
	for r.Left() > 0 {
		x.span = socket.Span{FD: r.File.FD, At: r.At, Left: min(r.Left(), filePiece)}
		n, err := x.c.WriteFile(x.answer, &x.span)
		r.At = x.span.At
		x.answer, x.headed = x.answer[:0], true
		switch {
		case errors.Is(err, socket.ErrNoSendfile):
			x.bytesOut += int64(n)
			x.copies = true
			return x.relaySource()
		case errors.Is(err, socket.ErrFileEnded):
			x.bytesOut += int64(n)
			return x.endFile(files.ErrShort)
		}
		if out := x.written(n, err); out != attempt.OK {
			return x.endSource(out)
		}
		x.c.stays()
	}
	x.sourceEnded = true
	return x.endSource(attempt.OK)
}

// filePiece is what is sent at once.
const filePiece = 4 << 20

// endFile ends an answer that cannot be completed: the file has become shorter, or cannot be
// read any more.
func (x *exchange) endFile(err error) phase {
	x.sayFile(err)
	x.breakOff(attempt.Truncated)
	x.end = end.FileFailed
	return x.endSource(attempt.Truncated)
}
