package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// glob is a file, or a pattern of files, below a folder: elements with *, ? and [ match the
// names of one level. Names that begin with a dot are matched by elements that do, as in
// shells: others are of editors and of the volumes of Kubernetes.
type glob struct {
	folder   string // as it is named
	elements []string
}

var errNoPattern = errors.New("is empty: name a file, or a pattern such as conf.d/*.yaml")

// metas are the characters that make an element a pattern.
const metas = `*?[\`

// globOf reads a pattern that starts at a folder, and must not leave it.
func globOf(folder, text string) (*glob, error) {
	if text == "" {
		return nil, errNoPattern
	}
	base, err := filepath.Abs(folder)
	if err != nil {
		return nil, fmt.Errorf("cannot find the folder of the file: %w", err)
	}
	whole := filepath.Clean(text)
	if !filepath.IsAbs(whole) {
		whole = filepath.Join(base, whole)
	}
	rest, err := filepath.Rel(base, whole)
	if err != nil || !filepath.IsLocal(rest) {
		return nil, fmt.Errorf("%q leads out of the folder of the main file: included files stand in it, or below", text)
	}
	if rest == "." {
		return nil, fmt.Errorf("%q is the folder of the main file: name files, such as %q", text, filepath.Join(text, "*.yaml"))
	}
	g := &glob{folder: folder, elements: strings.Split(rest, string(filepath.Separator))}
	for _, element := range g.elements {
		if _, err := filepath.Match(element, ""); err != nil {
			return nil, fmt.Errorf("%q is not a pattern: a bracket is not closed", text)
		}
	}
	return g, nil
}

// isPattern reports whether it may match several files.
func (g *glob) isPattern() bool { return slices.ContainsFunc(g.elements, isPattern) }

func isPattern(element string) bool { return strings.ContainsAny(element, metas) }

// name is the path of the file, where it is no pattern.
func (g *glob) name() string { return filepath.Join(append([]string{g.folder}, g.elements...)...) }

// find returns the files that match now, sorted. Look is told of each folder in which an
// element is looked for, and of that element; nil is nobody.
func (g *glob) find(look func(folder, element string)) ([]string, error) {
	folders := []string{g.folder}
	for i, element := range g.elements {
		last := i == len(g.elements)-1
		var found []string
		for _, folder := range folders {
			if look != nil {
				look(folder, element)
			}
			names, err := namesIn(folder, element)
			if err != nil {
				return nil, err
			}
			for _, name := range names {
				path := filepath.Join(folder, name)
				ok, err := isWanted(path, last, g.isPattern())
				if err != nil {
					return nil, err
				}
				if ok {
					found = append(found, path)
				}
			}
		}
		folders = found
	}
	slices.Sort(folders)
	return folders, nil
}

// namesIn are the names in a folder that an element matches. A folder that is not there has
// none.
func namesIn(folder, element string) ([]string, error) {
	if !isPattern(element) {
		return []string{element}, nil
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		if isAbsent(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("cannot look into %q: %s", folder, reason(err))
	}
	var names []string
	for _, e := range entries {
		if matches(element, e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// matches reports whether an element matches a name.
func matches(element, name string) bool {
	if strings.HasPrefix(name, ".") && !strings.HasPrefix(element, ".") {
		return false
	}
	ok, err := filepath.Match(element, name)
	return ok && err == nil
}

// isWanted reports whether a path is what an element stands for: a folder, or at last a
// file. A folder that a pattern finds in place of a file is passed over; one that is named
// is refused.
func isWanted(path string, last, pattern bool) (bool, error) {
	s, err := os.Stat(path)
	switch {
	case err != nil && isAbsent(err):
		if _, dangling := os.Lstat(path); dangling == nil && last {
			return true, nil // a link to nowhere: its reader says so
		}
		return false, nil
	case err != nil:
		return false, fmt.Errorf("cannot look at %q: %s", path, reason(err))
	case !last:
		return s.IsDir(), nil
	case s.IsDir() && !pattern:
		return false, fmt.Errorf("%q is a folder: name the files in it, such as %q", path, filepath.Join(path, "*.yaml"))
	case s.Mode().IsRegular():
		return true, nil
	case s.Mode()&fs.ModeType&^fs.ModeDir != 0:
		return false, fmt.Errorf("%q is not a regular file", path)
	}
	return false, nil
}
