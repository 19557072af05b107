package config

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// mask stands wherever a secret would be printed.
const mask = "***"

// String masks the secret; the value itself is string(s).
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return mask
}

// GoString masks the secret for %#v.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// MarshalText masks the secret for encoding/json and every other encoder.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalYAML masks the secret.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// sizeUnit is one unit of Size.
type sizeUnit struct {
	name  string
	bytes int64
}

// sizeUnits lists the units, largest first.
func sizeUnits() []sizeUnit {
	return []sizeUnit{
		{"TiB", 1 << 40},
		{"TB", 1e12},
		{"GiB", 1 << 30},
		{"GB", 1e9},
		{"MiB", 1 << 20},
		{"MB", 1e6},
		{"KiB", 1 << 10},
		{"kB", 1e3},
		{"KB", 1e3},
		{"B", 1},
	}
}

// ParseSize reads a size as it is written in a configuration: a whole or
// decimal number with a unit, such as 512B, 16KiB or 1.5MB. 0 needs no unit.
// The error says what is wrong in words that fit behind the key.
func ParseSize(text string) (Size, error) {
	digits := strings.TrimRight(text, "KMGTkmgtiIbB")
	unit := text[len(digits):]
	digits = strings.TrimSpace(digits)
	number, err := strconv.ParseFloat(digits, 64)
	if err != nil || digits == "" || strings.Trim(digits, "0123456789.-") != "" {
		return 0, fmt.Errorf("%q is not a size: write a number with a unit, such as 16KiB", text)
	}
	if number < 0 {
		return 0, fmt.Errorf("%q is negative", text)
	}
	if unit == "" {
		if number == 0 {
			return 0, nil
		}
		return 0, fmt.Errorf("%q has no unit: write %sB, %sKiB or %sMiB", text, digits, digits, digits)
	}
	for _, u := range sizeUnits() {
		if u.name != unit {
			continue
		}
		return wholeBytes(text, number, u.bytes)
	}
	return 0, fmt.Errorf("%q is not a size: its unit %q is none of B, kB, KiB, MB, MiB, GB, GiB, TB, TiB%s",
		text, unit, DidYouMean(unit+"B", []string{"KiB", "MiB", "GiB", "TiB", "B"}))
}

func wholeBytes(text string, number float64, unit int64) (Size, error) {
	bytes := number * float64(unit)
	if bytes >= math.MaxInt64/2 {
		return 0, fmt.Errorf("%q is too large", text)
	}
	if bytes != math.Trunc(bytes) {
		return 0, fmt.Errorf("%q is not a whole number of bytes", text)
	}
	return Size(bytes), nil
}

// String renders the size with the largest unit that divides it: 16KiB, 1GB, 0.
func (s Size) String() string {
	if s == 0 {
		return "0"
	}
	for _, u := range sizeUnits() {
		if int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

// parseDuration reads a duration with a unit; 0 needs none.
func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		if _, bare := strconv.ParseFloat(text, 64); bare == nil {
			return 0, fmt.Errorf("%q has no unit: write %ss or %sms", text, text, text)
		}
		return 0, fmt.Errorf("%q is not a duration: write a number with a unit, such as 250ms, 10s or 1m30s", text)
	}
	if d < 0 {
		return 0, fmt.Errorf("%q is negative", text)
	}
	return d, nil
}

// secondsMax is up to where whole seconds are not written in minutes.
const secondsMax = 2 * time.Minute

// FormatDuration renders a duration as it is written in a configuration: 60s
// and 90s, 2m, 1h, 1h30m; without the zero parts of time.Duration.String.
func FormatDuration(d time.Duration) string {
	if d >= time.Second && d < secondsMax && d%time.Second == 0 {
		return strconv.FormatInt(int64(d/time.Second), 10) + "s"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// durationOf reads a reflected time.Duration.
func durationOf(v reflect.Value) time.Duration { return time.Duration(v.Int()) }
