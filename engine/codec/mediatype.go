package codec

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// typeBytesMax bounds a media type: twice the 127 bytes of a name (RFC 6838 section 4.2)
// and the slash. A longer one is in no list.
const typeBytesMax = 255

// eventStream is matched only where it is named: `text/*` means documents.
const eventStream = "text/event-stream"

// mediaTypes is a list of patterns, made once.
type mediaTypes struct {
	exact    map[string]struct{}
	patterns []typePattern
}

// typePattern is `tree/*suffix`: every type of the tree that ends so.
type typePattern struct {
	tree, suffix string // "application/", "+json"; the suffix may be empty
}

// parseTypes reads type/subtype, type/* and type/*suffix, in any case.
func parseTypes(list []string) (mediaTypes, error) {
	t := mediaTypes{exact: make(map[string]struct{}, len(list))}
	for _, text := range list {
		low := strings.ToLower(text)
		tree, sub, _ := strings.Cut(low, "/")
		suffix, open := strings.CutPrefix(sub, "*")
		if tree == "" || sub == "" || strings.ContainsAny(tree+suffix, "*/;, \t\"") {
			return t, fmt.Errorf("cannot read type %q: want text/html, text/* or application/*+json", text)
		}
		if open {
			t.patterns = append(t.patterns, typePattern{tree: tree + "/", suffix: suffix})
		} else {
			t.exact[low] = struct{}{}
		}
	}
	return t, nil
}

// has reports whether the value of a Content-Type field is in the list. Remote procedure
// calls frame and compress messages themselves and are in no list: gRPC, and Connect
// where it streams.
func (t *mediaTypes) has(contentType []byte) bool {
	name, _, _ := bytes.Cut(contentType, semicolon)
	name = wire.TrimOWS(name)
	if len(name) == 0 || len(name) > typeBytesMax {
		return false
	}
	var room [typeBytesMax]byte
	low := room[:copy(room[:], name)]
	for i, c := range low {
		if 'A' <= c && c <= 'Z' {
			low[i] = c | 0x20
		}
	}
	if bytes.HasPrefix(low, grpcPrefix) || bytes.HasPrefix(low, connectPrefix) {
		return false
	}
	if _, ok := t.exact[string(low)]; ok {
		return true
	}
	if string(low) == eventStream {
		return false
	}
	return t.matches(low)
}

var (
	grpcPrefix    = []byte("application/grpc")
	connectPrefix = []byte("application/connect+")
)

// matches looks at the patterns, whose asterisk stands for at least one byte.
func (t *mediaTypes) matches(low []byte) bool {
	for i := range t.patterns {
		p := &t.patterns[i]
		if len(low) > len(p.tree)+len(p.suffix) && string(low[:len(p.tree)]) == p.tree && string(low[len(low)-len(p.suffix):]) == p.suffix {
			return true
		}
	}
	return false
}
