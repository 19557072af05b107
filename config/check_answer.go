package config

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// wordFile is a key that many sections have.
const wordFile = "file"

// respondFileMax bounds a file that is kept in memory as the body of an answer.
const respondFileMax = 16 << 20

// respond checks a fixed response.
func (c *checker) respond(path string, r *Respond) {
	given := c.page(path, []string{wordBody, wordFile}, []string{r.Body, r.File})
	if (r.Status == 204 || r.Status == 304) && given != "" {
		c.reportf(path+"."+given, "must be empty: an answer with status %d has no body", r.Status)
	}
	if at := path + ".file"; r.File != "" && c.plainText(at, r.File) {
		c.stageFile(&field{}, at, r.File)
		c.messageFile(at, r.File)
		if stat, err := os.Stat(r.File); err == nil && stat.Size() > respondFileMax {
			c.reportf(at, "%s is larger than %s: serve it by files", c.quote(at, r.File), Size(respondFileMax))
		}
	}
	c.mediaType(path+".content_type", r.ContentType)
	c.answerFields(path+".headers", r.Headers)
}

// answerFields checks the fields of an answer of the proxy's own.
func (c *checker) answerFields(path string, fields map[string]string) {
	c.written(path, fields)
	for _, name := range sortedNames(fields) {
		at := joinPath(path, name)
		switch strings.ToLower(name) {
		case "content-type":
			c.reportf(at, "is written by content_type")
		case "date":
			c.reportf(at, "is written by the proxy itself")
		}
		switch {
		case fields[name] == "":
			c.reportf(at, "must not be empty")
		case c.plainText(at, fields[name]):
			c.template(at, fields[name], c.vocabulary(varsAnswer))
		}
	}
}

// splitOn checks what a client is known by in a split.
func (c *checker) splitOn(path string, r *Route) {
	switch at := path + ".split_on"; {
	case r.SplitOn == "":
	case !c.given(path + ".split"):
		c.reportf(at, "has no effect without split")
	default:
		c.hashOn(at, r.SplitOn)
	}
}

// served checks a folder whose files are served.
func (c *checker) served(path string, f *Files) {
	if !c.plainText(path+".root", f.Root) || c.broken[path+".root"] {
		return
	}
	c.servedName(path+".index", f.Index)
	if strings.Contains(f.Index, "/") {
		c.reportf(path+".index", "%s must be a name without a slash: each folder has its own", c.quote(path+".index", f.Index))
	}
	c.servedName(path+".fallback", f.Fallback)
	if f.Root == "" {
		return // it is required, which has been said
	}
	root, err := os.OpenRoot(f.Root)
	if err != nil {
		c.reportf(path+".root", "cannot open %s: %s", c.quote(path+".root", f.Root), reason(err))
		return
	}
	if f.Fallback != "" && !c.broken[path+".fallback"] {
		c.servedFile(path+".fallback", root, f.Fallback)
	}
	_ = root.Close() // nothing was written
}

// servedName checks the name of a file below the root, which a request could have, too.
func (c *checker) servedName(path, name string) {
	if name == "" || !c.plainText(path, name) {
		return
	}
	if !filepath.IsLocal(name) || filepath.Clean(name) != name || strings.Contains(name, `\`) {
		c.reportf(path, "%s must be the name of a file below root, without . and .. in it", c.quote(path, name))
		return
	}
	for segment := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(segment, ".") {
			c.reportf(path, "%s begins with a dot, and such files are not served", c.quote(path, segment))
		}
	}
}

// servedFile checks that a file below a root is there and can be read. A pipe does not hold it up.
func (c *checker) servedFile(path string, root *os.Root, name string) {
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		c.reportf(path, "cannot open %s below root: %s", c.quote(path, name), reason(err))
		return
	}
	if stat, err := file.Stat(); err == nil && !stat.Mode().IsRegular() {
		c.reportf(path, "%s is not a regular file", c.quote(path, name))
	}
	_ = file.Close() // nothing was written
}
