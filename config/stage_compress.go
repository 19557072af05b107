package config

// StageCompress compresses answers for clients that take it. Untouched stay answers that are encoded already, of status
// 204, 206 and 304, with no-transform, to HEAD, of gRPC, and those whose length is known and below min_bytes.
type StageCompress struct {
	// Encodings are offered in this order where the client likes several equally.
	Encodings []string `default:"zstd,br,gzip" enum:"zstd|br|gzip" koanf:"encodings"`
	// Types are the media types that are compressed, without parameters; text/* takes all of text but text/event-stream,
	// which has to be named.
	Types []string `default:"text/*,application/json,application/*+json,application/javascript,application/xml,application/*+xml,application/wasm,application/manifest+json,image/svg+xml,font/ttf,font/otf,application/vnd.ms-fontobject" koanf:"types"` //nolint:lll // every type
	// MinBytes is the shortest body that is compressed, where its length is known.
	MinBytes Size `default:"1KiB" koanf:"min_bytes"`
	// Level is how much work goes into it.
	Level string `default:"default" enum:"fastest|default|best" koanf:"level"`
}
