package web

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

// reference is a file that another one names: a module, or one of the page.
var reference = regexp.MustCompile(`(?:from "\./|(?:src|href)="/assets/)([^"]+)"`)

func TestEveryFileThatIsNamedIsThere(t *testing.T) {
	named := map[string]bool{Index: true}
	for name, a := range assets {
		for _, m := range reference.FindAllStringSubmatch(string(a.Body), -1) {
			named[m[1]] = true
			if _, ok := Find(m[1]); !ok {
				t.Errorf("%s names %s, which is not there", name, m[1])
			}
		}
	}
	for name := range assets {
		if !named[name] && !strings.HasSuffix(name, ".LICENSE") {
			t.Errorf("nobody names %s", name)
		}
	}
	if len(named) < 20 {
		t.Errorf("found %d references; want those of every module", len(named))
	}
}

// markup is what makes elements or code of text, and what the policy of the page refuses.
var markup = regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|srcdoc|\beval\(|new Function|` +
	`setAttribute\("(?:style|on)|<script>|<style|\sstyle="|\son[a-z]+="`)

func TestNoTextBecomesMarkup(t *testing.T) {
	for name, text := range pageFiles(t) {
		if found := markup.FindString(text); found != "" {
			t.Errorf("%s has %q", name, found)
		}
	}
	for _, bad := range []string{`e.innerHTML = x`, `<p onclick="x">`, `<p style="x">`, `<script>`} {
		if !markup.MatchString(bad) {
			t.Errorf("%q is not noticed", bad)
		}
	}
}

func TestFilesOfThePageAreShort(t *testing.T) {
	const linesMax = 300
	for name, text := range pageFiles(t) {
		if n := strings.Count(text, "\n"); n > linesMax {
			t.Errorf("%s has %d lines; want at most %d: a file is one idea", name, n, linesMax)
		}
	}
}

func TestVendoredFilesHaveTheirLicence(t *testing.T) {
	licence, ok := Find("uPlot.LICENSE")
	if !ok || !strings.Contains(string(licence.Body), "MIT") {
		t.Errorf("the licence of uPlot is %.40q; want it beside its files", licence.Body)
	}
}

// pageFiles are the texts of those that were written here.
func pageFiles(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := fs.ReadDir(files, "page")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		a, _ := Find(e.Name())
		all[e.Name()] = string(a.Body)
	}
	if len(all) < 20 {
		t.Fatalf("found %d files; want all of the page", len(all))
	}
	return all
}
