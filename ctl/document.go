package ctl

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/ledger"
	"github.com/valyala/fasthttp"
)

// Values of the parameter view.
const (
	viewDocument  = "document"
	viewEffective = "effective"
)

// Bounds of the parameter wait.
const (
	waitMax = time.Minute
	// waitersMax bounds the requests that wait for a change.
	waitersMax = 100
)

// view is what runs.
func (s *Server) view() (ledger.View, error) {
	v, ok := s.opts.Sources.Ledger.View()
	if !ok {
		return v, fmt.Errorf("cannot show the configuration: %w: none is running yet", ErrConflict)
	}
	return v, nil
}

func (s *Server) config(x *call) error {
	view, p := x.choice("view", viewDocument, viewEffective)
	if p != nil {
		return p
	}
	if view == viewEffective {
		return s.effective(x)
	}
	if s.opts.Sources.Ledger == nil {
		return notSupported("config")
	}
	wait, p := x.duration(keyWait, time.Second, waitMax)
	if p != nil {
		return p
	}
	v, err := s.view()
	if err == nil && wait > 0 {
		v, err = s.awaitChange(x, wait)
	}
	if err != nil {
		return err
	}
	return x.document(v.Document, v.ETag)
}

// effective is for reading: its ETag is that of no document, so that no change can be
// made for it.
func (s *Server) effective(x *call) error {
	if s.opts.Sources.Config == nil {
		return notSupported("config")
	}
	format, p := x.format()
	if p != nil {
		return p
	}
	doc, err := s.opts.Sources.Config(format)
	if err != nil {
		return err
	}
	if x.isKnown("effective-" + doc.ETag + "-" + format) {
		return nil
	}
	x.ctx.SetContentType(mediaTypeOf(format))
	x.ctx.SetBody(doc.Body)
	return nil
}

// awaitChange waits until something else runs than the client knows, for so long.
func (s *Server) awaitChange(x *call, wait time.Duration) (ledger.View, error) {
	if s.waiting.Add(1) > waitersMax {
		s.waiting.Add(-1)
		return ledger.View{}, api.NewProblem(http.StatusConflict, "too many requests wait for a change already").WithCode(api.CodeBusy)
	}
	defer s.waiting.Add(-1)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		changed := s.opts.Sources.Ledger.Changed() // before the look, so that nothing is missed
		v, err := s.view()
		if err != nil || !x.knows(v.ETag) {
			return v, err
		}
		select {
		case <-changed:
		case <-timer.C:
			return v, nil
		case <-s.stop:
			return v, nil
		}
	}
}

// format is what the client wants to see: json or yaml.
func (x *call) format() (string, *api.Problem) {
	wanted, p := x.choice(keyFormat, FormatJSON, FormatYAML)
	if p != nil || wanted != "" {
		return wanted, p
	}
	if strings.Contains(string(x.ctx.Request.Header.Peek(fasthttp.HeaderAccept)), FormatYAML) {
		return FormatYAML, nil
	}
	return FormatJSON, nil
}

func mediaTypeOf(format string) string {
	if format == FormatYAML {
		return typeYAML
	}
	return typeJSON
}

// formatOf is the format of a body.
func (x *call) formatOf() (string, *api.Problem) {
	media, _, err := mime.ParseMediaType(string(x.ctx.Request.Header.ContentType()))
	if err != nil {
		return "", api.NewProblem(fasthttp.StatusUnsupportedMediaType, err.Error())
	}
	return map[string]string{typeYAML: FormatYAML, typeJSON: FormatJSON, typeTOML: FormatTOML, typeMerge: FormatJSON}[media], nil
}

// knows reports that If-None-Match has a tag.
func (x *call) knows(tag string) bool {
	tags, isAny := x.tags(fasthttp.HeaderIfNoneMatch)
	return isAny || slices.Contains(tags, tag)
}

// isKnown sets ETag, and answers 304 where the client has that already.
func (x *call) isKnown(tag string) bool {
	x.ctx.Response.Header.Set(fasthttp.HeaderETag, `"`+tag+`"`)
	x.ctx.Response.Header.Set(fasthttp.HeaderVary, fasthttp.HeaderAccept)
	if !x.knows(tag) {
		return false
	}
	x.ctx.SetStatusCode(fasthttp.StatusNotModified)
	return true
}

// tags are the entity tags of a field, without quotes. Weak ones, which no change can be
// made for, are left out.
func (x *call) tags(field string) (tags []string, isAny bool) {
	for _, line := range x.ctx.Request.Header.PeekAll(field) {
		for tag := range strings.SplitSeq(string(line), ",") {
			tag = strings.TrimSpace(tag)
			if tag == "*" {
				isAny = true
			}
			if len(tag) >= 2 && tag[0] == '"' && tag[len(tag)-1] == '"' {
				tags = append(tags, tag[1:len(tag)-1])
			}
		}
	}
	return tags, isAny
}

// document answers with a document, or with a part of one.
func (x *call) document(d *config.Document, tag string) error {
	format, p := x.format()
	if p != nil {
		return p
	}
	if x.isKnown(tag) {
		return nil
	}
	text, err := d.Encode(format, true)
	if err != nil {
		return fmt.Errorf("cannot show the configuration: %w", err)
	}
	x.ctx.SetContentType(mediaTypeOf(format))
	x.ctx.SetBody(text)
	return nil
}

// sectionQuery are the parameters of a section.
func sectionQuery() map[string]string {
	q := pageQuery()
	q[keyFormat] = "json (default) or yaml; Accept: application/yaml does the same. limit and after are for json"
	return q
}

func (s *Server) getSection(x *call) error {
	if s.opts.Sources.Ledger == nil {
		return notSupported("config")
	}
	section := x.params["section"]
	if err := checkSection(section); err != nil {
		return err
	}
	v, err := s.view()
	if err != nil {
		return err
	}
	if args := x.ctx.QueryArgs(); isNamed(section) && (args.Has(keyLimit) || args.Has(keyAfter)) {
		return s.sectionPage(x, &v, section)
	}
	part, ok := v.Document.At(section)
	switch {
	case ok:
		return x.document(part, part.Hash(s.opts.Sources.Ledger.Key()))
	case isNamed(section):
		return x.answer(struct{}{})
	}
	return api.NewProblem(http.StatusNotFound, section+" is not in the configuration: its defaults hold")
}

// sectionPage is a page of the objects of a section.
func (s *Server) sectionPage(x *call, v *ledger.View, section string) error {
	names := v.Document.Names(section)
	page, p := cutPage(x, names, byName(func(name *string) string { return *name }))
	if p != nil {
		return p
	}
	objects := make(map[string]json.RawMessage, len(page))
	for _, name := range page {
		part, ok := v.Document.At(section, name)
		if !ok {
			continue
		}
		text, err := part.Encode(FormatJSON, true)
		if err != nil {
			return fmt.Errorf("cannot show %s: %w", name, err)
		}
		objects[name] = text
	}
	return x.answer(objects)
}

func (s *Server) getObject(x *call) error {
	if s.opts.Sources.Ledger == nil {
		return notSupported("config")
	}
	path, err := x.objectPath()
	if err != nil {
		return err
	}
	v, err := s.view()
	if err != nil {
		return err
	}
	part, ok := v.Document.At(path...)
	if !ok {
		names := v.Document.Names(path[0])
		return fmt.Errorf("%s: %w: %s", strings.Join(path, "."), ErrNotFound, someOf(names)+config.DidYouMean(path[1], names))
	}
	return x.document(part, part.Hash(s.opts.Sources.Ledger.Key()))
}

// Sections whose objects have names, and those that are one object each.
var (
	namedSections  = []string{"listeners", "middleware", "pools", "routes"}
	singleSections = []string{"admin", "defaults", "headroom", "log", "metrics", "recorder", "shutdown", "state", "tracing"}
)

func isNamed(section string) bool { return slices.Contains(namedSections, section) }

// checkSection says that there is no such section.
func checkSection(section string) error {
	all := slices.Concat(namedSections, singleSections)
	if slices.Contains(all, section) {
		return nil
	}
	return fmt.Errorf("section %q: %w: %s", section, ErrNotFound, "there are "+strings.Join(all, ", ")+config.DidYouMean(section, all))
}

// objectPath is the object that a path names: one of a section, or a section that is one.
func (x *call) objectPath() ([]string, error) {
	section, name := x.params["section"], x.params["name"]
	if err := checkSection(section); err != nil {
		return nil, err
	}
	switch {
	case name == "" && isNamed(section):
		return nil, methodRefused("%s holds many objects: change one of them, or several by PATCH /api/v1/config", section)
	case name == "":
		return []string{section}, nil
	case !isNamed(section):
		return nil, fmt.Errorf("%s: %w: it is one object, and holds no others by name", strconv.Quote(section), ErrNotFound)
	}
	return []string{section, name}, nil
}

func methodRefused(format string, args ...any) *api.Problem {
	return api.NewProblem(http.StatusMethodNotAllowed, fmt.Sprintf(format, args...))
}

// duration reads a parameter such as 60s; an absent one is 0.
func (x *call) duration(name string, least, most time.Duration) (time.Duration, *api.Problem) {
	args := x.ctx.QueryArgs()
	if !args.Has(name) {
		return 0, nil
	}
	d, err := time.ParseDuration(string(args.Peek(name)))
	if err != nil || d < least || d > most {
		return 0, unknownParameter("parameter %q is no duration from %s to %s, such as 60s", name, least, most)
	}
	return d, nil
}
