package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// problemsMax bounds the problems of one load; what is beyond is only counted.
const problemsMax = 1000

// Origin says where a value comes from. The zero value is the built-in default.
// At most one of File, Env and Flag is set.
type Origin struct {
	// File is the name of the file as it was given; Line and Col count from 1.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
	Col  int    `json:"col,omitempty"`
	// Env is the name of the environment variable.
	Env string `json:"env,omitempty"`
	// Flag is the key given to --set.
	Flag string `json:"flag,omitempty"`
}

// IsDefault reports whether the value is the built-in default.
func (o Origin) IsDefault() bool { return o == Origin{} }

// String renders the origin as default, FILE:LINE:COL, env NAME or flag --set KEY.
func (o Origin) String() string {
	switch {
	case o.Env != "":
		return "env " + o.Env
	case o.Flag != "":
		return "flag --set " + o.Flag
	case o.File == "":
		return "default"
	case o.Line == 0:
		return o.File
	default:
		return o.File + ":" + strconv.Itoa(o.Line) + ":" + strconv.Itoa(o.Col)
	}
}

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	Origin
	// Path is the key, for instance pools.api.backends[0].address; empty for the whole file.
	Path string `json:"path,omitempty"`
	// Message says what is wrong and, where it can be guessed, what was meant.
	Message string `json:"message"`
	// Warning says that the configuration is taken all the same.
	Warning bool `json:"warning,omitempty"`
}

// String renders the problem as one line: FILE:LINE:COL: path.to.key: message.
// A value of the environment has "env NAME", one of a flag "--set KEY" in front;
// a warning has "warning: " before its message.
func (p Problem) String() string {
	var b strings.Builder
	if !p.IsDefault() {
		b.WriteString(strings.TrimPrefix(p.Origin.String(), "flag "))
		b.WriteString(": ")
	}
	if p.Path != "" {
		b.WriteString(p.Path)
		b.WriteString(": ")
	}
	if p.Warning {
		b.WriteString("warning: ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Problems is every problem of one configuration, in the order of the file. It
// is the error Load returns; it is never empty then.
type Problems []Problem //nolint:errname // a list of Problem, which API and CLI render one by one

// Error renders one problem a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// problemList collects problems and the number of those beyond problemsMax.
type problemList struct {
	list   Problems
	beyond int
}

// addf notes one problem.
func (l *problemList) addf(at Origin, path, format string, args ...any) {
	if l.full() {
		l.beyond++
		return
	}
	l.list = append(l.list, Problem{Origin: at, Path: path, Message: fmt.Sprintf(format, args...)})
}

// full reports whether further problems are only counted.
func (l *problemList) full() bool { return len(l.list) >= problemsMax }

// empty reports whether nothing is wrong so far.
func (l *problemList) empty() bool { return len(l.list) == 0 }

// err returns the problems in the order of file, environment and flags; nil when there is none.
func (l *problemList) err() error {
	if l.empty() {
		return nil
	}
	slices.SortStableFunc(l.list, compareProblems)
	l.list = slices.Compact(l.list)
	if l.beyond > 0 {
		l.list = append(l.list, Problem{Message: fmt.Sprintf("and %d more problems", l.beyond)})
	}
	return l.list
}

func compareProblems(a, b Problem) int {
	return cmp.Or(
		cmp.Compare(a.layer(), b.layer()),
		cmp.Compare(a.File, b.File),
		cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Col, b.Col),
		cmp.Compare(a.Env, b.Env),
		cmp.Compare(a.Flag, b.Flag),
		cmp.Compare(a.Path, b.Path),
	)
}

// layer orders origins as the layers are merged.
func (o Origin) layer() int {
	switch {
	case o.Flag != "":
		return 3
	case o.Env != "":
		return 2
	case o.File != "":
		return 1
	default:
		return 0
	}
}
