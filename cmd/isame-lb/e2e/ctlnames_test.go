package e2e

import (
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// ctlClause is a command of isame-ctl in a text, to the end of its clause.
	ctlClause = regexp.MustCompile(`isame-ctl((?: --all)?(?: [a-z]+)+)([^.,;:()` + "`" + `]*)`)
	ctlFlag   = regexp.MustCompile(`--[a-z-]+`)
	listedCtl = regexp.MustCompile(`(?m)^ {2}([a-z]+) `)
)

// ctlHelp is what isame-ctl says of a command.
func ctlHelp(t *testing.T, command ...string) string {
	t.Helper()
	out, err := exec.Command(ctlBinary, append(command, "--help")...).CombinedOutput()
	if err != nil {
		t.Fatalf("isame-ctl %v --help: %v\n%s", command, err, out)
	}
	return string(out)
}

// commandsOf are those that a help lists.
func commandsOf(help string) (names []string) {
	_, list, _ := strings.Cut(help, "Available Commands:\n")
	list, _, _ = strings.Cut(list, "\n\n")
	for _, m := range listedCtl.FindAllStringSubmatch(list+"\n", -1) {
		names = append(names, m[1])
	}
	return names
}

// wrongCtl are the commands and flags in a text that isame-ctl does not have.
func wrongCtl(t *testing.T, helps map[string]string, text string) (problems []string) {
	t.Helper()
	help := func(command ...string) string {
		key := strings.Join(command, " ")
		if helps[key] == "" {
			helps[key] = ctlHelp(t, command...)
		}
		return helps[key]
	}
	for _, m := range ctlClause.FindAllStringSubmatch(text, -1) {
		words := strings.Fields(strings.TrimPrefix(m[1], " --all"))
		if !slices.Contains(commandsOf(help()), words[0]) {
			problems = append(problems, "no command "+words[0])
			continue
		}
		page := help(words[0])
		if below := commandsOf(page); len(below) > 0 {
			if len(words) < 2 || !slices.Contains(below, words[1]) {
				problems = append(problems, "no command "+strings.Join(words[:min(len(words), 2)], " "))
				continue
			}
			page = help(words[0], words[1])
		}
		for _, flag := range ctlFlag.FindAllString(m[2], -1) {
			if !strings.Contains(page, flag+" ") {
				problems = append(problems, words[0]+" has no "+flag)
			}
		}
	}
	return problems
}

// TestAlertsNameCommandsThatThereAre asks isame-ctl itself.
func TestAlertsNameCommandsThatThereAre(t *testing.T) {
	t.Parallel()
	helps := map[string]string{}
	texts := map[string]string{}
	for _, file := range []string{"README.md", "grafana.json"} {
		text, err := os.ReadFile(observability + file)
		if err != nil {
			t.Fatal(err)
		}
		texts[file] = string(text)
	}
	for _, a := range readAlerts(t) {
		texts[a.Alert] = a.Annotations["description"]
	}
	for _, where := range slices.Sorted(maps.Keys(texts)) {
		for _, problem := range wrongCtl(t, helps, texts[where]) {
			t.Errorf("%s: %s", where, problem)
		}
	}
	if got := strings.Join(wrongCtl(t, helps, "isame-ctl whine X. isame-ctl config bless FILE, isame-ctl --all why --last-error --loud 3"), ", "); got !=
		"no command whine, no command config bless, why has no --loud" {
		t.Errorf("wrong ones: got %q", got)
	}
}
