package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// readBody reads STRING or @FILE.
func readBody(text string) ([]byte, error) {
	name, isFile := strings.CutPrefix(text, "@")
	if !isFile {
		return []byte(text), nil
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read the body: %w", err)
	}
	return b, nil
}

// writeFile creates the file and lets write fill it. An empty name is no file.
func writeFile(name string, write func(io.Writer) error) error {
	if name == "" {
		return nil
	}
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("cannot create the file: %w", err)
	}
	return errors.Join(write(f), f.Close())
}

// parseStatuses reads "200-299,404".
func parseStatuses(text string) (func(int) bool, error) {
	type span struct{ low, high int }
	var spans []span
	for part := range strings.SplitSeq(text, ",") {
		low, high, isRange := strings.Cut(strings.TrimSpace(part), "-")
		a, errA := strconv.Atoi(low)
		b, errB := a, error(nil)
		if isRange {
			b, errB = strconv.Atoi(high)
		}
		if err := errors.Join(errA, errB); err != nil || a < 100 || b > 599 || a > b {
			return nil, fmt.Errorf("cannot read the statuses %q: write 200-299,404", text)
		}
		spans = append(spans, span{a, b})
	}
	return func(status int) bool {
		for _, s := range spans {
			if status >= s.low && status <= s.high {
				return true
			}
		}
		return false
	}, nil
}
