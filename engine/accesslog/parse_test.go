package accesslog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Parsers that take what the formats say, and nothing else: text by name, in the order of
// the line.

type pair struct{ key, value string }

var errFormat = errors.New("not as the format has it")

// parseJSON reads an object of strings, numbers and booleans, no key twice.
func parseJSON(line string) (all []pair, err error) {
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		return nil, fmt.Errorf("%w: %v, %w", errFormat, token, err)
	}
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		value, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := key.(string)
		if _, isDelim := value.(json.Delim); isDelim || name == "" || seen[name] {
			return nil, fmt.Errorf("%w: %v: %v", errFormat, key, value)
		}
		seen[name] = true
		all = append(all, pair{name, fmt.Sprint(value)})
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if d.InputOffset() != int64(len(line)) || !json.Valid([]byte(line)) {
		return nil, errFormat
	}
	return all, nil
}

// logfmtPair is a pair whose value is bare, or a string of JSON.
var logfmtPair = regexp.MustCompile(`^([^\x00-\x20="\\\x7f-\xff]+)=(?:([^\x00-\x20="\\\x7f-\xff]+)|("(?:[^"\\\x00-\x1f]|\\.)*"))( |$)`)

// parseLogfmt reads pairs with one space between them.
func parseLogfmt(line string) (all []pair, err error) {
	for line != "" {
		m := logfmtPair.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("%w: %q", errFormat, line)
		}
		value := m[2]
		if m[3] != "" {
			if err := json.Unmarshal([]byte(m[3]), &value); err != nil {
				return nil, fmt.Errorf("%q: %w", m[3], err)
			}
		}
		all = append(all, pair{m[1], value})
		rest := line[len(m[0]):]
		if (m[4] == " ") == (rest == "") {
			return nil, fmt.Errorf("%w: a space at the end", errFormat)
		}
		line = rest
	}
	return all, nil
}

// combinedLine is a line whose parts are printable ASCII without quotes and backslashes, but for
// those of escapes.
var combinedLine = regexp.MustCompile(`^(\S+) - - \[(\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "(` + part + `)" (\d{1,3}) (\d+) "(` + part + `)" "(` + part + `)"$`)

const part = `(?:[ !\x23-\x5b\x5d-~]|\\x[0-9A-F]{2})*`

var escapedByte = regexp.MustCompile(`\\x([0-9A-F]{2})`)

// parseCombined reads the parts by names of our own, their escapes undone.
func parseCombined(line string) ([]pair, error) {
	m := combinedLine.FindStringSubmatch(line)
	if m == nil {
		return nil, fmt.Errorf("%w: %q", errFormat, line)
	}
	plain := func(text string) string {
		return string(escapedByte.ReplaceAllFunc([]byte(text), func(e []byte) []byte {
			b, err := strconv.ParseUint(string(e[2:]), 16, 8)
			if err != nil {
				panic(err)
			}
			return []byte{byte(b)}
		}))
	}
	all := []pair{{"client", m[1]}, {"time", m[2]}, {"status", m[4]}, {"bytes_out", m[5]}, {"referer", plain(m[6])}, {"user_agent", plain(m[7])}}
	if m[3] == "-" {
		return all, nil
	}
	words := bytes.Split([]byte(m[3]), []byte{' '})
	if len(words) != 3 {
		return nil, fmt.Errorf("%w: request %q", errFormat, m[3])
	}
	return append(all, pair{"method", plain(string(words[0]))}, pair{"target", plain(string(words[1]))}, pair{"protocol", string(words[2])}), nil
}

// parsers by format.
var parsers = map[string]func(string) ([]pair, error){"json": parseJSON, "logfmt": parseLogfmt, "combined": parseCombined}

// value is that of a key; false: there is none.
func value(all []pair, key string) (string, bool) {
	for _, p := range all {
		if p.key == key {
			return p.value, true
		}
	}
	return "", false
}
