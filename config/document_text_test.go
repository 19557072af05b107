package config

import (
	"strings"
	"testing"
)

// oddTexts are read otherwise, or not at all, by who is careless.
func oddTexts() []string {
	return []string{
		"", " ", "a ", " a", "\n", "\n\n", " \n", "\n ", "a\n", "a\n\n", "a\n\n\n", "\na", "\n a\nb", "  a\n b\n", "a\n  b", "a \nb\n", "\ta", "a\t", "\ta\n\tb", "a\r\nb", "a\rb", "\r",
		"\u0085", "a\u0085b\n", "\u2028", "a\u2028b", "\u2029\n", "\ufeff", "a\ufeffb", "\u00a0", "\u200b", "\x01", "\x1b[0m", "\x7f", "\u0080", "\ud7ff", "\ufffd", "\uffff", "\U0010ffff", "\U0001f642",
		"null", "~", "Null", "true", "True", "yes", "on", "off", "n", "1", "-1", "+1", "01", "1e3", "1E400", "0x1f", "0o17", "0b1", "1_000", ".5", "5.", ".inf", "-.inf", ".nan", "2001-01-01", "12:30:45", "1:2",
		"<<", "=", "-", "- a", "--", "---", "--- a", "...", "?", "? a", ":", ": a", "a: b", "a:", ":a", "#", "# a", "a # b", "a#b", "'", "''", `"`, `"a"`, `\`, `\n`, "%a", "@a", "`a", "!a", "!!int 1", "&a", "*a", "|", "|-",
		"| a", ">", "> a", "{", "}", "{a: b}", "[", "]", "[a]", ",", "a, b", "{{a}}", "$", "${", "$${ENV:A}", "<script>&amp;", strings.Repeat("word ", 60), strings.Repeat("x", 300) + "\n" + strings.Repeat("y ", 200),
	}
}

// Every text survives in every place, whatever YAML and JSON make of it.
func TestOddTextsSurvive(t *testing.T) {
	t.Parallel()
	template := parsed(t, `{middleware: {m: {type: mine, options: {text: x, list: [x, {a: x}], map: {x: x}}}}, routes: {r: {hosts: [x], respond: {body: x}, headers: {X: {is: x}}}}}`, formatYAML)
	file := "# begin\nmiddleware:\n  # one\n  m:\n    type: mine\n    options: {list: [a, b]} # two\n  # three\n  n: {type: deny}\n# end\n"
	for _, text := range oddTexts() {
		root := template.root.clone()
		var put func(n *node)
		put = func(n *node) {
			for i := range n.entries {
				if n.entries[i].name == "x" && keyIsPlain(text) {
					n.entries[i].name = text
				}
				put(n.entries[i].value)
			}
			for _, item := range n.items {
				put(item)
			}
			if n.kind == kindString && n.text == "x" {
				n.text = text
			}
		}
		put(root)
		d := newDocument(theOutline(), root, nil, topSpot())
		checkFixpoint(t, d)
		rewritten(t, file, d)
		if got, _ := d.At("middleware", "m", "options", "text"); got.root.text != text {
			t.Fatalf("got %q; want %q", got.root.text, text)
		}
	}
}
