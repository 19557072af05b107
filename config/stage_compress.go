package config

import (
	"strings"
)

// StageCompress compresses answers for clients that take it. Untouched stay answers that are encoded already, of status
// 204, 206 and 304, with no-transform, to HEAD, of gRPC, and those whose length is known and below min_bytes.
type StageCompress struct {
	// Encodings are offered in this order where the client likes several equally.
	Encodings []string `default:"zstd,br,gzip" enum:"zstd|br|gzip" koanf:"encodings"`
	// Types are the media types that are compressed, without parameters; text/* takes all of text but text/event-stream,
	// which has to be named: each of its clients then holds 1 (gzip) to 2 MiB (zstd) for as long as it stays.
	Types []string `default:"text/*,application/json,application/*+json,application/x-ndjson,application/javascript,application/x-javascript,application/xml,application/*+xml,application/yaml,application/wasm,application/vnd.apple.mpegurl,image/svg+xml,image/bmp,image/x-icon,image/vnd.microsoft.icon,font/ttf,font/otf,application/vnd.ms-fontobject" koanf:"types"` //nolint:lll // every type
	// MinBytes is the shortest body that is compressed, where its length is known.
	MinBytes Size `default:"1KiB" koanf:"min_bytes"`
	// Level is how much work goes into it.
	Level string `default:"default" enum:"fastest|default|best" koanf:"level"`
}

// check reports what is wrong with the keys.
func (s *StageCompress) check(c *checker, path string) {
	if len(s.Encodings) == 0 && !c.broken[path+".encodings"] {
		c.reportf(path+".encodings", "is empty, so nothing could be compressed")
	}
	c.noDuplicates(path+".encodings", s.Encodings)
	if len(s.Types) == 0 && !c.broken[path+".types"] {
		c.reportf(path+".types", "is empty, so nothing could be compressed")
	}
	for i, text := range s.Types {
		at := indexPath(path+".types", i)
		kind, sub, ok := strings.Cut(text, "/")
		sub = strings.TrimPrefix(sub, "*")
		if !ok || !isToken(kind) || strings.Contains(kind+sub, "*") || sub != "" && !isToken(sub) || strings.HasSuffix(text, "/") {
			c.reportf(at, "%s is not a media type such as text/html, text/* or application/*+json", c.quote(at, text))
		}
	}
	c.noDuplicates(path+".types", lowered(s.Types))
}
