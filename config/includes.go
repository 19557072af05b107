package config

import (
	"bytes"
	"maps"
	"path/filepath"
	"slices"
)

// Includes is what the key include of a file names now, for who watches it. It is found
// also where the configuration as a whole is refused: what mends it may be in a file that
// is included.
type Includes struct {
	// Files are those that are there, absolute and sorted.
	Files []string
	// Lookouts are where further ones may appear.
	Lookouts []Lookout
}

// Lookout is a folder and what is looked for in it.
type Lookout struct {
	// Folder is there now, and absolute.
	Folder string

	element string // of a pattern
}

// Takes reports whether a name in the folder is one that is looked for.
func (l *Lookout) Takes(name string) bool { return matches(l.element, name) }

// IncludesOf reads a file to find what it includes. One that cannot be read includes nothing.
func IncludesOf(file string, environ []string) Includes {
	var found Includes
	if file == "" {
		return found
	}
	folder := filepath.Dir(file)
	// A file of a hundred thousand lines that has not the word is not parsed for it.
	data, err := readSource(file)
	if err != nil || !bytes.Contains(data, []byte(keyInclude)) && !bytes.ContainsRune(data, '\\') {
		return found
	}
	_, root := readRoot(&Options{File: file, Data: data}, &problemList{})
	list := root.child(keyInclude)
	if list == nil {
		return found
	}
	refs := &references{environ: environment(environ), baseDir: folder}
	files := map[string]bool{}
	for _, item := range itemsOf(list) {
		text, _, err := refs.expand(item.text)
		if err != nil || item.kind != kindString {
			continue
		}
		g, err := globOf(folder, text)
		if err != nil {
			continue
		}
		names, _ := g.find(found.look) // what cannot be looked into is watched all the same
		for _, name := range names {
			if name, err = filepath.Abs(name); err == nil {
				files[name] = true
			}
		}
	}
	found.Files = slices.Sorted(maps.Keys(files))
	return found
}

func (i *Includes) look(folder, element string) {
	folder, err := filepath.Abs(folder)
	l := Lookout{folder, element}
	if err == nil && !slices.Contains(i.Lookouts, l) {
		i.Lookouts = append(i.Lookouts, l)
	}
}
