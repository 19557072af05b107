package config

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// presetScalar sets the default of a scalar; a tag that does not fit is a bug of schema.go.
func (d *decoder) presetScalar(f *field, s slot) {
	text := f.preset(s.absent)
	if text == "" {
		return
	}
	if message := parseScalar(f, text, s.v); message != "" {
		panic("BUG: default of " + s.path + ": " + message)
	}
}

// scalar sets a value that is present.
func (d *decoder) scalar(f *field, n *node, s slot) {
	if message := mismatch(f, n); message != "" {
		d.refuse(f, n, s, message)
		return
	}
	if strings.ContainsAny(n.text, "$%{") {
		d.words++
	}
	text, secret, err := d.references.expand(n.text)
	if secret {
		d.raw[s.path] = n.text
	}
	if err != nil {
		d.refuse(f, n, s, strings.ReplaceAll(err.Error(), "\n", ", "))
		return
	}
	if !utf8.ValidString(text) {
		d.refuse(f, n, s, "is not UTF-8 text")
		return
	}
	if holdsURLMask(n.text) {
		d.refuse(f, n, s, maskRefused)
		return
	}
	if f.file && text != "" {
		text = d.references.absolute(text)
	}
	message := parseScalar(f, text, s.v)
	if message == "" {
		message = f.check(s.v)
	}
	if message == "" {
		return
	}
	if secret || isSecret(f.typ) {
		message = f.hide(message, text)
	}
	d.refuse(f, n, s, message)
}

// refuse notes a problem and leaves the default, so that nothing that depends
// on the value is reported as well.
func (d *decoder) refuse(f *field, n *node, s slot, message string) {
	d.badf(n, s.path, "%s", message)
	s.v.SetZero()
	d.presetScalar(f, s)
}

// hide masks the value of a secret in the message about it.
func (f *field) hide(message, text string) string {
	if text == "" {
		return message
	}
	message = strings.ReplaceAll(message, strconv.Quote(text), mask)
	if strings.Contains(message, text) {
		return wanted(f) + " that fits this key; the value is not shown because it may be secret"
	}
	return message
}

// mismatch says why a node cannot be a value of the key's type, or "".
func mismatch(f *field, n *node) string {
	want := wanted(f)
	switch {
	case n.kind == kindNull:
		return "has no value: " + want
	case n.kind == kindMap || n.kind == kindList || n.kind == kindOther:
		return want + ", not " + n.kind.String()
	case f.takes(n):
		return ""
	case isSecret(f.typ):
		return want + ", not " + n.kind.String()
	case f.typ.Kind() == reflect.String:
		return fmt.Sprintf("%s, not %s: write %q in quotes", want, n.kind, n.text)
	default:
		return fmt.Sprintf("%s, not %s %q", want, n.kind, n.text)
	}
}

// takes reports whether the key takes a scalar of this kind. Text of variables
// and flags, and text with a reference, fits every key until it is parsed.
func (f *field) takes(n *node) bool {
	if n.kind == kindText || n.kind == kindString && strings.Contains(n.text, "${") {
		return true
	}
	isNumber := n.kind == kindInt || n.kind == kindFloat
	if isDuration(f.typ) || isSize(f.typ) {
		return n.kind == kindString || isNumber // a bare number is refused for its unit
	}
	switch f.typ.Kind() {
	case reflect.String:
		return n.kind == kindString || f.numbers && n.kind == kindInt
	case reflect.Bool:
		return n.kind == kindBool
	case reflect.Int:
		return n.kind == kindInt
	default:
		return isNumber
	}
}

// wanted says what a key takes.
func wanted(f *field) string {
	switch {
	case isDuration(f.typ):
		return "must be a duration such as 250ms or 10s"
	case isSize(f.typ):
		return "must be a size such as 512B, 16KiB or 10MiB"
	case f.typ.Kind() == reflect.Bool:
		return "must be true or false"
	case f.typ.Kind() == reflect.Int:
		return "must be a whole number"
	case f.typ.Kind() == reflect.Float64:
		return "must be a number"
	default:
		return "must be text"
	}
}

// parseScalar sets v from its text and returns what is wrong with it, or "".
func parseScalar(f *field, text string, v reflect.Value) string {
	switch {
	case isDuration(f.typ):
		d, err := parseDuration(text)
		if err != nil {
			return err.Error()
		}
		v.SetInt(int64(d))
	case isSize(f.typ):
		size, err := ParseSize(text)
		if err != nil {
			return err.Error()
		}
		v.SetInt(int64(size))
	case isSecret(f.typ) && text == mask:
		return maskRefused
	case f.typ.Kind() == reflect.String:
		v.SetString(text)
	case f.typ.Kind() == reflect.Bool:
		if text != textTrue && text != "false" {
			return fmt.Sprintf("must be true or false, not %q", text)
		}
		v.SetBool(text == textTrue)
	case f.typ.Kind() == reflect.Int:
		number, err := strconv.ParseInt(text, 10, strconv.IntSize)
		if err != nil {
			return fmt.Sprintf("must be a whole number, not %q", text)
		}
		v.SetInt(number)
	default:
		number, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(number) || math.IsInf(number, 0) {
			return fmt.Sprintf("must be a number, not %q", text)
		}
		v.SetFloat(number)
	}
	return ""
}

// check says why a value is outside of what the tags of its key allow, or "".
func (f *field) check(v reflect.Value) string {
	if len(f.enum) == 0 && !f.required && !f.positive && f.min == nil && f.max == nil {
		return ""
	}
	text := formatScalar(v)
	switch {
	case len(f.enum) > 0 && !slices.Contains(f.enum, text):
		return f.checkEnum(v.Kind(), text)
	case f.required && text == "":
		return "must not be empty"
	case f.positive && v.Int() == 0:
		return "must be longer than 0"
	}
	switch v.Kind() {
	case reflect.Int:
		return f.checkBounds(float64(v.Int()), text)
	case reflect.Float64:
		return f.checkBounds(v.Float(), text)
	default:
		return ""
	}
}

// checkEnum refuses a text that is none of the key's; empty is fine where it is the default.
func (f *field) checkEnum(kind reflect.Kind, text string) string {
	switch {
	case kind == reflect.Int:
		return fmt.Sprintf("must be one of %s, not %s", strings.Join(f.enum, ", "), text)
	case text != "":
		return fmt.Sprintf("%q is none of %s%s", text, strings.Join(f.enum, ", "), didYouMean(quoted(meantValue(text, f.enum))))
	case f.def != "" || f.required:
		return "is empty: must be one of " + strings.Join(f.enum, ", ")
	default:
		return ""
	}
}

func (f *field) checkBounds(number float64, text string) string {
	switch {
	case f.min != nil && f.max != nil && (number < *f.min || number > *f.max):
		return fmt.Sprintf("must be between %s and %s, not %s", inDigits(*f.min), inDigits(*f.max), text)
	case f.min != nil && number < *f.min:
		return fmt.Sprintf("must be at least %s, not %s", inDigits(*f.min), text)
	default:
		return ""
	}
}

// inDigits is a number as people write it: 4194304, not 4.194304e+06.
func inDigits(number float64) string { return strconv.FormatFloat(number, 'f', -1, 64) }

// formatScalar renders a value as it is written in a file, secrets unmasked.
func formatScalar(v reflect.Value) string {
	switch t := v.Type(); {
	case isDuration(t):
		return FormatDuration(durationOf(v))
	case isSize(t):
		return Size(v.Int()).String()
	case v.Kind() == reflect.Int:
		return strconv.FormatInt(v.Int(), 10)
	case v.Kind() == reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'f', -1, 64)
	case v.Kind() == reflect.Bool:
		return strconv.FormatBool(v.Bool())
	default:
		return v.String()
	}
}
