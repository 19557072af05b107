package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// accessFieldsMax bounds the fields of a line.
const accessFieldsMax = 64

// access checks log.access, also where it is not enabled: what is redacted counts for more
// than the log.
func (c *checker) access(a *AccessLog) {
	const path = "log.access"
	if len(a.Fields) > 0 && a.Format == "combined" {
		c.reportf(path+".fields", "cannot stand beside format: combined, which has its own")
	}
	if len(a.Fields) > accessFieldsMax {
		c.reportf(path+".fields", "are %d; want at most %d", len(a.Fields), accessFieldsMax)
	}
	for i, name := range a.Fields {
		c.accessField(indexPath(path+".fields", i), name)
	}
	c.noDuplicates(path+".fields", a.Fields)
	for i, text := range a.Redact {
		c.redacted(indexPath(path+".redact", i), text)
	}
	c.noDuplicates(path+".redact", a.Redact)
	if a.Rotate.Size > 0 && a.File == "" {
		c.reportf(path+".rotate.size", "needs log.access.file: stderr cannot be rotated")
	}
	c.accessFile(path+".file", a.File)
}

// accessField checks the name of a field.
func (c *checker) accessField(path, name string) {
	for _, prefix := range []string{FieldHeader, FieldCookie, FieldQuery} {
		of, ok := strings.CutPrefix(name, prefix)
		switch {
		case !ok:
		case prefix == FieldQuery && of != "" && keyIsPlain(of), prefix != FieldQuery && isToken(of):
			return
		default:
			c.reportf(path, "%s names nothing of a request", c.quote(path, name))
			return
		}
	}
	if slices.ContainsFunc(AccessFields, func(f AccessField) bool { return f.Name == name }) {
		return
	}
	names := make([]string, len(AccessFields))
	for i := range AccessFields {
		names[i] = AccessFields[i].Name
	}
	slices.Sort(names)
	c.reportf(path, "there is no field %s of the access log%s", c.quote(path, name), didYouMean(quoted(nearest(name, names))))
}

// redacted checks what is not to be written down.
func (c *checker) redacted(path, text string) {
	key, isQuery := strings.CutPrefix(text, RedactedQuery)
	switch {
	case isQuery && key != "" && keyIsPlain(key), !isQuery && isToken(text):
	default:
		c.reportf(path, "%s is neither the name of a field nor query:NAME", c.quote(path, text))
	}
}

// accessFile checks that there may be such a file. That it can be written is known when it
// is opened.
func (c *checker) accessFile(path, file string) {
	if file == "" || !c.plainText(path, file) {
		return
	}
	if stat, err := os.Stat(filepath.Dir(file)); err != nil {
		c.reportf(path, "cannot be made: the folder %q: %s", filepath.Dir(file), reason(err))
		return
	} else if !stat.IsDir() {
		c.reportf(path, "cannot be made: %q is no folder", filepath.Dir(file))
		return
	}
	if stat, err := os.Stat(file); err == nil && stat.IsDir() {
		c.reportf(path, "%s is a folder", c.quote(path, file))
	}
}
