package ledger

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
)

// reach refuses a document that refers to what whoever writes it may not read: variables
// and files that the running document does not hold, but for those that admin.env_names
// and admin.file_roots of the running configuration allow. What they hold, and whether
// they are there, is not said.
func (l *Ledger) reach(next *config.Document, now *running) error {
	env, files := next.References()
	knownEnv, knownFiles := now.doc.References()
	admin := &now.loaded.Config.Admin
	var refused []string
	for _, name := range env {
		if !slices.Contains(knownEnv, name) && !slices.Contains(admin.EnvNames, name) {
			refused = append(refused, "${ENV:"+name+"}: a configuration that is sent may refer to variables of admin.env_names only, "+
				"beside those of the running one")
		}
	}
	for _, file := range files {
		if !slices.Contains(knownFiles, file) && !l.isAllowed(file, admin.FileRoots) {
			refused = append(refused, file+": a configuration that is sent may refer to files below admin.file_roots only, "+
				"beside those of the running one")
		}
	}
	return unreadable(refused)
}

// unreadable is the answer to a configuration that would read too much; nil for no reasons.
func unreadable(reasons []string) error {
	if len(reasons) == 0 {
		return nil
	}
	p := refusal(http.StatusUnprocessableEntity, api.CodeInvalid, "the configuration refers to what it may not read")
	for _, text := range reasons {
		p.Errors = append(p.Errors, api.ConfigProblem{Text: text, Message: text})
	}
	return p
}

// extends refuses a configuration that allows the next one to read more than this one: only
// the file does that.
func extends(next, now *config.Admin) error {
	var refused []string
	for _, name := range next.EnvNames {
		if !slices.Contains(now.EnvNames, name) {
			refused = append(refused, "admin.env_names: "+name+" can be added in the configuration file only")
		}
	}
	for _, root := range next.FileRoots {
		if !slices.Contains(now.FileRoots, root) {
			refused = append(refused, "admin.file_roots: "+root+" can be added in the configuration file only")
		}
	}
	return unreadable(refused)
}

// isAllowed reports that a file is below one of the roots, wherever links on the way lead.
func (l *Ledger) isAllowed(file string, roots []string) bool {
	place, ok := resolved(l.absolute(file))
	if !ok {
		return false
	}
	return slices.ContainsFunc(roots, func(root string) bool {
		root, err := filepath.EvalSymlinks(l.absolute(root))
		if err != nil {
			return false
		}
		way, err := filepath.Rel(root, place)
		return err == nil && way != ".." && !strings.HasPrefix(way, "../")
	})
}

func (l *Ledger) absolute(file string) string {
	if filepath.IsAbs(file) {
		return filepath.Clean(file)
	}
	return filepath.Join(l.opts.BaseDir, file)
}

// resolved is a path without links. What is not there is taken as it is written, but for
// a link that leads nowhere: it may lead anywhere later.
func resolved(path string) (string, bool) {
	var rest []string
	for at := path; ; at = filepath.Dir(at) {
		there, err := filepath.EvalSymlinks(at)
		if err == nil {
			slices.Reverse(rest)
			return filepath.Join(append([]string{there}, rest...)...), true
		}
		if s, err := os.Lstat(at); err == nil && s.Mode()&fs.ModeSymlink != 0 || at == filepath.Dir(at) {
			return "", false
		}
		rest = append(rest, filepath.Base(at))
	}
}
