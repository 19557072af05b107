package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
)

// Options say what a configuration is loaded from. The layers are, each over
// the one before: built-in defaults, the file, the environment, Set.
type Options struct {
	// File is read when Data is nil; otherwise it only names Data in problems.
	// Empty, with Data nil, means that there is no file.
	File string
	// Data is the text of the configuration, for instance the body of a request.
	Data []byte
	// Document is the configuration, read already, in place of the file and Data. File
	// then only says what it is called and where relative paths start.
	Document *Document
	// Format is yaml, json or toml; empty means by the ending of File.
	Format string
	// Environ is the environment as os.Environ returns it. Its ISAME_ variables
	// are a layer, and ${ENV:NAME} is looked up in it.
	Environ []string
	// Set holds key=value texts, applied in this order.
	Set []string
	// Extensions are the names that the program has beside the built-in ones.
	Extensions Extensions
	// BaseDir is the folder relative paths in the configuration start from;
	// empty means the folder of File.
	BaseDir string
	// Local is what the file of this instance says (source.etcd), where File, Data or Document
	// is what it shares with others: a layer below. Where the file itself has source.etcd and
	// there is no Local, it is looked at alone, and the result holds nothing but its keys.
	Local *Document
}

// Extensions are names that a program of the user's own has registered beside the
// built-in ones, before it loads its configuration.
type Extensions struct {
	// Stages are further types of middleware; their keys are those of StageHandler.
	Stages []string
	// Algorithms are further values of pools.*.algorithm.
	Algorithms []string
	// Variables are further variables of templates, without braces.
	Variables []string
}

// Loaded is a valid configuration and where it came from. It is not changed
// after Load returned it.
type Loaded struct {
	// Config is never nil.
	Config *Config
	// Files are the files that were read, absolute and each once: the
	// configuration, what ${FILE:} names, certificates and keys. A watcher that
	// sees one of them change should load again.
	Files []string
	// Warnings name what is valid and yet hardly meant, in the order of the file.
	// Whoever loads a configuration shows them; they refuse nothing. There are at most problemsMax.
	Warnings Problems

	where    map[string]Origin
	raw      map[string]string
	document *Document
}

// Origin says where the value of a path such as pools.api.backends[0].weight
// comes from. Keys that no layer has are default.
func (l *Loaded) Origin(path string) Origin { return l.where[path] }

// Problem is a problem at the place of path, or of what is around it, for checks
// that need more than this package knows.
func (l *Loaded) Problem(path, format string, args ...any) Problem {
	return Problem{Origin: nearestOrigin(l.where, path), Path: path, Message: fmt.Sprintf(format, args...)}
}

// Warnf adds a warning. Only who has just got the result of Load may call it,
// before anybody else sees it.
func (l *Loaded) Warnf(path, format string, args ...any) {
	if len(l.Warnings) >= problemsMax {
		return
	}
	p := l.Problem(path, format, args...)
	p.Warning = true
	l.Warnings = append(l.Warnings, p)
	slices.SortStableFunc(l.Warnings, compareProblems)
}

// warnOnce is Warnf for what several places may say of the same, at most problemsMax times.
// It leaves the sorting to who calls it.
func (l *Loaded) warnOnce() func(path, format string, args ...any) {
	said := map[string]bool{}
	return func(path, format string, args ...any) {
		p := l.Problem(path, format, args...)
		p.Warning = true
		if text := path + ": " + p.Message; !said[text] && len(said) < problemsMax {
			said[text] = true
			l.Warnings = append(l.Warnings, p)
		}
	}
}

// Load reads, merges, decodes and checks a configuration. The error is of type
// Problems and holds everything that is wrong, not only the first. It reads
// files, but changes nothing and keeps no file open; it may be called from any
// goroutine.
func Load(opts Options) (*Loaded, error) {
	problems := &problemList{}
	loaded := read(&opts, problems)
	if err := problems.err(); err != nil {
		return nil, err
	}
	return loaded, nil
}

// read is Load with its problems apart; the result counts only where there are none.
func read(opts *Options, problems *problemList) *Loaded {
	base, err := baseDir(opts)
	if err != nil {
		problems.addf(Origin{File: opts.File}, "", "cannot find its folder: %s", err)
		return nil
	}
	environ := environment(opts.Environ)
	files, root := readRoot(opts, problems)
	if root == nil && !problems.empty() {
		return nil
	}
	s := newSchema(opts.Extensions)
	refs := &references{environ: environ, baseDir: base}
	in := &includer{schema: s, problems: problems, references: refs, main: opts.File}
	if opts.Data == nil && opts.Document == nil {
		root = in.include(root)
	} else if n := root.child(keyInclude); n != nil {
		problems.addf(n.at(), keyInclude, "can stand in a file only, not in a configuration that is sent")
	}
	under := []*node{root}
	if opts.Local != nil {
		under = []*node{opts.Local.root, root}
	}
	merged, err := mergeLayers(s, under, [][]assignment{fromEnviron(environ), fromFlags(opts.Set, problems)}, problems)
	if err != nil {
		problems.addf(Origin{}, "", "%s", err)
		return nil
	}
	merged, alone := divide(opts, root, merged, problems)
	d := newDecoder(s, problems, refs)
	d.where = make(map[string]Origin, merged.size())
	loaded := &Loaded{Config: &Config{}, where: d.where, raw: d.raw}
	d.decode(merged, loaded.Config)
	loaded.Config.Include = nil // it is all here
	c := &checker{decoder: d, cfg: loaded.Config, warnf: loaded.warnOnce(), used: map[string][]use{}}
	if alone {
		c.checkLocal()
	} else {
		c.defaults()
		d.inherit(loaded.Config)
		c.check()
	}
	in.warn(loaded)
	problems.list.hideSecrets(merged)
	loaded.Warnings.hideSecrets(merged)
	slices.SortStableFunc(loaded.Warnings, compareProblems)
	loaded.Files = unique(slices.Concat(files, in.files, refs.files, c.files))
	if problems.empty() {
		loaded.document = documentOf(opts, root)
	}
	return loaded
}

// baseDir is the absolute folder that relative paths start from.
func baseDir(opts *Options) (string, error) {
	dir := opts.BaseDir
	if dir == "" {
		dir = filepath.Dir(opts.File)
	}
	return filepath.Abs(dir) //nolint:wrapcheck // fails only without a working directory
}

// readRoot reads and parses the file, if there is one.
func readRoot(opts *Options, problems *problemList) (files []string, root *node) {
	if opts.Document != nil {
		return nil, opts.Document.tree(problems)
	}
	if opts.File == "" && opts.Data == nil {
		return nil, nil
	}
	s := &source{name: opts.File, data: opts.Data, problems: problems, nodesMax: nodesMax}
	if s.name == "" {
		s.name = "input"
	}
	at := Origin{File: s.name}
	var err error
	if s.format, err = checkFormat(opts.Format, opts.File); err != nil {
		s.failf(at, "%s", err)
		return nil, nil
	}
	if opts.Data == nil {
		if s.data, err = readSource(opts.File); err != nil {
			s.failf(at, "cannot be read: %s", reason(err))
			return nil, nil
		}
		file, err := filepath.Abs(opts.File)
		if err != nil {
			s.failf(at, "cannot find its folder: %s", err)
			return nil, nil
		}
		files = append(files, file)
	}
	return files, s.parse()
}

// mergeLayers puts the environment and the flags over the trees of files.
func mergeLayers(s *schema, under []*node, over [][]assignment, problems *problemList) (*node, error) {
	var l layers
	for _, root := range under {
		s.settle(root, reflect.TypeFor[Config]())
		l.load(root)
	}
	for _, as := range over {
		if len(as) == 0 {
			continue
		}
		base, err := l.merged()
		if err != nil {
			return nil, err
		}
		tree := overlayTree(s, base, as, problems)
		if n := tree.child(keyInclude); n != nil {
			problems.addf(n.from, keyInclude, "can stand in the file only")
		}
		s.settle(tree, reflect.TypeFor[Config]())
		l.load(tree)
	}
	return l.merged()
}

// unique removes what stands twice and keeps the order.
func unique(texts []string) []string {
	var kept []string
	seen := map[string]bool{}
	for _, text := range texts {
		if !seen[text] {
			seen[text] = true
			kept = append(kept, text)
		}
	}
	return kept
}

// FindFile returns the configuration file a program should load: explicit (the
// --config flag), $ISAME_CONFIG out of environ, ./isame.yaml, then
// /etc/isame/isame.yaml. found is false when there is none of them and the
// embedded default (see Default) applies. A file that was named is returned
// without a look whether it exists, so that its absence is an error.
func FindFile(explicit string, environ []string) (file string, found bool) {
	return findFile(explicit, environ, []string{"isame.yaml", "/etc/isame/isame.yaml"})
}

func findFile(explicit string, environ, places []string) (file string, found bool) {
	if explicit != "" {
		return explicit, true
	}
	if named := environment(environ)["ISAME_CONFIG"]; named != "" {
		return named, true
	}
	for _, place := range places {
		if _, err := os.Stat(place); !errors.Is(err, fs.ErrNotExist) {
			return place, true
		}
	}
	return "", false
}
