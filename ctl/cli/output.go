package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// Values of --output.
const (
	formatTable = "table"
	formatJSON  = "json"
	formatYAML  = "yaml"
)

// print writes v as --output says; human makes the table form.
func (a *app) print(v any, human func(s *screen)) error {
	var text []byte
	var err error
	switch a.output {
	case formatJSON:
		text, err = encodeJSON(v)
	case formatYAML:
		text, err = encodeYAML(v)
	default:
		s := newScreen(&a.env)
		human(s)
		text = s.buf.Bytes()
	}
	if err != nil {
		return err
	}
	return a.write(text)
}

// write is the only way to stdout; a full disk or a closed pipe is a failure.
func (a *app) write(text []byte) error {
	if _, err := a.env.Stdout.Write(text); err != nil {
		return fmt.Errorf("cannot write the output: %w", err)
	}
	return nil
}

func encodeJSON(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("cannot encode the answer: %w", err)
	}
	return buf.Bytes(), nil
}

// encodeYAML goes through JSON, which is YAML, so that names and order are the same in both.
func encodeYAML(v any) ([]byte, error) {
	text, err := encodeJSON(v)
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("cannot encode the answer: %w", err)
	}
	blockStyle(&doc)
	var buf bytes.Buffer
	enc := yaml.NewEncoder(io.Writer(&buf))
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return nil, fmt.Errorf("cannot encode the answer: %w", err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("cannot encode the answer: %w", err)
	}
	return buf.Bytes(), nil
}

// blockStyle forgets JSON's braces and quotes; the encoder quotes where YAML needs it.
func blockStyle(n *yaml.Node) {
	n.Style = 0
	for _, child := range n.Content {
		blockStyle(child)
	}
}
