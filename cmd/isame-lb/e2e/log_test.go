package e2e

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
)

// logBuffer keeps what a process writes, for later questions.
type logBuffer struct {
	mu struct {
		sync.Mutex
		text bytes.Buffer
	}
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.text.String()
}

// lines returns the finished lines that are JSON objects.
func (l *logBuffer) lines() []map[string]any {
	var lines []map[string]any
	for line := range strings.Lines(l.String()) {
		var fields map[string]any
		if strings.HasSuffix(line, "\n") && json.Unmarshal([]byte(line), &fields) == nil {
			lines = append(lines, fields)
		}
	}
	return lines
}

// find returns the first line whose message begins with message and whose
// fields have the given values (name, value, name, value).
func (l *logBuffer) find(message string, fields ...string) map[string]any {
	for _, line := range l.lines() {
		text, _ := line["message"].(string)
		if !strings.HasPrefix(text, message) {
			continue
		}
		matches := true
		for i := 0; i+1 < len(fields); i += 2 {
			matches = matches && line[fields[i]] == fields[i+1]
		}
		if matches {
			return line
		}
	}
	return nil
}
