package files

import (
	"bytes"
	"net/http"
	"strconv"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// Judge decides what a request gets of a file, by what it says of what it has already (RFC
// 9110 section 13.2.2) and of the part it wants (section 14). It is shown its fields, each
// line by itself, and asked then.
type Judge struct {
	File *File

	match, noneMatch           said
	modified, unmodified       int64 // seconds, where said
	hasModified, hasUnmodified bool
	ranged, ifRange            []byte
}

// said is what the lines of a list of tags have said.
type said uint8

const (
	saidNothing said = iota
	saidOthers       // tags, but not that of the file
	saidThis
)

// Names of the fields that a Judge knows, in lower case.
const (
	IfMatch           = "if-match"
	IfNoneMatch       = "if-none-match"
	IfModifiedSince   = "if-modified-since"
	IfUnmodifiedSince = "if-unmodified-since"
	IfRange           = "if-range"
	Range             = "range"
)

// SeeField is See for a name as it was sent.
func (j *Judge) SeeField(name, value []byte) {
	for _, known := range [...]string{IfNoneMatch, IfModifiedSince, Range, IfRange, IfMatch, IfUnmodifiedSince} {
		if is(name, known) {
			j.See(known, value)
			return
		}
	}
}

// See shows the judge a line. The value stays as it is until the verdict.
func (j *Judge) See(name string, value []byte) {
	switch name {
	case IfMatch:
		j.match = max(j.match, j.File.said(value, true))
	case IfNoneMatch:
		j.noneMatch = max(j.noneMatch, j.File.said(value, false))
	case IfModifiedSince:
		j.modified, j.hasModified = j.File.date(value)
	case IfUnmodifiedSince:
		j.unmodified, j.hasUnmodified = j.File.date(value)
	case IfRange:
		j.ifRange = value
	case Range:
		j.ranged = value
	}
}

// is compares without regard to case; want is lower case.
func is(name []byte, want string) bool { return len(name) == len(want) && wire.EqualFold(name, want) }

// Verdict is the status of the answer, and which part of the content it has. Without a
// condition that speaks of the file, and without a range, it is all of it.
func (j *Judge) Verdict(isHEAD bool) (status int, from, to int64) {
	f := j.File
	switch {
	case j.match == saidOthers,
		j.match == saidNothing && j.hasUnmodified && f.seconds > j.unmodified:
		return http.StatusPreconditionFailed, 0, 0
	case j.noneMatch == saidThis,
		j.noneMatch == saidNothing && j.hasModified && len(f.modified) > 0 && f.seconds <= j.modified:
		return http.StatusNotModified, 0, 0
	}
	if len(j.ranged) == 0 || isHEAD || !j.rangeMeansThis() {
		return http.StatusOK, 0, f.Size
	}
	from, to, ok := parseRange(j.ranged, f.Size)
	switch {
	case !ok:
		return http.StatusOK, 0, f.Size
	case from >= to:
		return http.StatusRequestedRangeNotSatisfiable, 0, 0
	}
	return http.StatusPartialContent, from, to
}

// rangeMeansThis reports that the part that is wanted is one of the file as it is: If-Range
// names its tag, or the time of its last change to the second.
func (j *Judge) rangeMeansThis() bool {
	f := j.File
	return j.ifRange == nil || len(f.tag) > 0 && (bytes.Equal(j.ifRange, f.tag) || bytes.Equal(j.ifRange, f.modified))
}

// AppendRange appends what a 206 or 416 says of the part that it has.
func (f *File) AppendRange(dst []byte, from, to int64) []byte {
	dst = append(dst, "Content-Range: bytes "...)
	if from >= to {
		dst = append(dst, '*')
	} else {
		dst = strconv.AppendInt(append(strconv.AppendInt(dst, from, 10), '-'), to-1, 10)
	}
	return append(strconv.AppendInt(append(dst, '/'), f.Size, 10), "\r\n"...)
}

// said reads a list of tags. strong: a weak one is no match (RFC 9110 section 8.8.3.2).
func (f *File) said(list []byte, strong bool) said {
	for rest := bytes.TrimLeft(list, " \t,"); len(rest) > 0; rest = bytes.TrimLeft(rest, " \t,") {
		if rest[0] == '*' {
			return saidThis
		}
		tag, isWeak := bytes.CutPrefix(rest, []byte("W/"))
		end := -1
		if len(tag) > 0 && tag[0] == '"' {
			end = bytes.IndexByte(tag[1:], '"')
		}
		if end < 0 {
			break // no tag: what is behind it means nothing
		}
		if tag, rest = tag[:end+2], tag[end+2:]; (!isWeak || !strong) && bytes.Equal(tag, f.tag) {
			return saidThis
		}
	}
	return saidOthers
}

// date reads a time, in seconds; that of the file, which is what is nearly always said, is
// known by its text.
func (f *File) date(text []byte) (seconds int64, ok bool) {
	if len(f.modified) > 0 && bytes.Equal(text, f.modified) {
		return f.seconds, true
	}
	at, err := http.ParseTime(string(text))
	return at.Unix(), err == nil
}

// parseRange reads a Range of one part; from is not below to where nothing of the content
// is in it. False: it is another unit, several parts, or nothing that is a range, and the
// whole content is as good an answer.
func parseRange(text []byte, size int64) (from, to int64, ok bool) {
	const unit = "bytes="
	if len(text) < len(unit) || !wire.EqualFold(text[:len(unit)], unit) {
		return 0, 0, false
	}
	first, last, cut := bytes.Cut(bytes.Trim(text[len(unit):], " \t"), []byte("-"))
	if !cut {
		return 0, 0, false
	}
	from, firstOK := position(first)
	to, lastOK := position(last)
	switch {
	case len(first) == 0 && lastOK: // so many at the end
		return max(0, size-to), size, true
	case !firstOK || len(last) > 0 && (!lastOK || to < from):
		return 0, 0, false
	case len(last) == 0 || to >= size:
		return from, size, true
	}
	return from, to + 1, true
}

// position reads digits, as many as there are: what is too large means the end of the
// largest file.
func position(digits []byte) (n int64, ok bool) {
	const most = 1<<62 - 1
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n = n*10 + int64(c-'0'); n > most/10 {
			n = most / 10
		}
	}
	return n, len(digits) > 0
}
