package report

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestPanelsShowEveryFigure(t *testing.T) {
	panels := []Panel{
		{Title: "a < b", Series: []string{"p50", "p99"}, Labels: []string{"one", "two\nlines"}, Values: [][]float64{{10, 100}, {20, 5e6}}},
		{Title: "empty"},
	}
	var b strings.Builder
	if err := Panels(&b, panels); err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(strings.NewReader(b.String()))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("not XML: %v\n%s", err, b.String())
		}
	}
	for _, want := range []string{">a &lt; b<", ">one<", ">two<", ">lines<", ">empty<", "p99 two\nlines: 5.00s"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the drawing lacks %q:\n%s", want, b.String())
		}
	}
	if n := strings.Count(b.String(), "<circle"); n != 4 || strings.Contains(b.String(), "<polyline") {
		t.Errorf("got %d marks; want 4 and no lines:\n%s", n, b.String())
	}
}
