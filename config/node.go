package config

import (
	"strconv"
	"strings"
)

// depthMax bounds the nesting of a configuration; the deepest key of the schema is at 7.
const depthMax = 32

// kind is what a node holds.
type kind uint8

const (
	kindNull kind = iota
	kindMap
	kindList
	kindString
	kindInt
	kindFloat
	kindBool
	// kindText is text from the environment or a flag; it takes the type of its key.
	kindText
	// kindOther is binary data or a tagged value, which no key takes.
	kindOther
)

// String names the kind in messages.
func (k kind) String() string {
	switch k {
	case kindNull:
		return "nothing"
	case kindMap:
		return "a section of keys"
	case kindList:
		return "a list"
	case kindString, kindText:
		return "text"
	case kindInt, kindFloat:
		return "a number"
	case kindBool:
		return "true or false"
	default:
		return "a value of another type"
	}
}

// node is one value of a configuration before it has a type. A node is not
// changed after its parser returned it: layers share nodes.
type node struct {
	kind    kind
	text    string  // scalars: as written, without quotes
	items   []*node // kindList
	entries []entry // kindMap, in the order of the file
	from    Origin  // where the value stands
	key     Origin  // where its key stands; zero for items of lists
	whole   bool    // a section that a higher layer replaces, not merges
}

// entry is one key of a kindMap node.
type entry struct {
	name  string
	value *node
}

// child returns the value of a key, or nil. A nil node has no children.
func (n *node) child(name string) *node {
	if n == nil || n.kind != kindMap {
		return nil
	}
	for i := range n.entries {
		if n.entries[i].name == name {
			return n.entries[i].value
		}
	}
	return nil
}

// size is the number of nodes, itself and below.
func (n *node) size() int {
	all := 1
	for _, item := range n.items {
		all += item.size()
	}
	for i := range n.entries {
		all += n.entries[i].value.size()
	}
	return all
}

// at is the position that a problem of the node is reported with: the key of a
// section or list, the value of a scalar.
func (n *node) at() Origin {
	if (n.kind == kindMap || n.kind == kindList || n.kind == kindNull) && !n.key.IsDefault() {
		return n.key
	}
	return n.from
}

// JoinPath appends a key to the path of a section, as paths stand in problems.
func JoinPath(path, name string) string { return joinPath(path, name) }

// joinPath appends a key to a path, in quotes where it could be misread.
func joinPath(path, name string) string {
	if !isPlain(name) {
		name = strconv.Quote(name)
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// isPlain reports whether a name needs no quotes in a path.
func isPlain(name string) bool {
	for i := range len(name) {
		if !isAlphanumeric(name[i]) && name[i] != '_' && name[i] != '-' {
			return false
		}
	}
	return name != ""
}

// indexPath appends the index of a list to a path.
func indexPath(path string, i int) string {
	return path + "[" + strconv.Itoa(i) + "]"
}

// parentPath removes the last key or index of a path; the parent of a top-level key is "".
func parentPath(path string) string {
	if strings.HasSuffix(path, `"`) {
		i := len(path) - 2
		for i >= 0 && (path[i] != '"' || escaped(path, i)) {
			i--
		}
		return strings.TrimSuffix(path[:max(i, 0)], ".")
	}
	i := strings.LastIndexAny(path, ".[")
	return path[:max(i, 0)]
}

// escaped reports whether an odd number of backslashes stands before path[i].
func escaped(path string, i int) bool {
	n := 0
	for i--; i >= 0 && path[i] == '\\'; i-- {
		n++
	}
	return n%2 == 1
}

// position turns byte offsets of a text into lines and columns, both from 1.
type position struct {
	name  string
	lines []int // offset of the first byte of each line
}

func newPosition(name string, data []byte) *position {
	p := &position{name: name, lines: []int{0}}
	for i, c := range data {
		if c == '\n' {
			p.lines = append(p.lines, i+1)
		}
	}
	return p
}

// at returns the origin of an offset. Columns count bytes.
func (p *position) at(offset int) Origin {
	low, high := 0, len(p.lines)
	for high-low > 1 {
		if mid := (low + high) / 2; p.lines[mid] <= offset {
			low = mid
		} else {
			high = mid
		}
	}
	return Origin{File: p.name, Line: low + 1, Col: offset - p.lines[low] + 1}
}
