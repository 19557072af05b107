package config

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestChainIsFlat(t *testing.T) {
	t.Parallel()
	c := taken(t, Options{File: "testdata/stages.good.yaml"}).Config
	for route, want := range map[string]string{
		"bare": "ids",
		"gone": "moved",
		"all": "ids safe lists cors squeeze token key limit several inflight slow refuse login ask fields path body hold longer crumbs pages away " +
			"chaos copy stay",
		"none": "ids safe",
	} {
		if got := strings.Join(c.Chain(route), " "); got != want {
			t.Errorf("%s: got %s; want %s", route, got, want)
		}
	}
	for _, link := range c.Links("all") {
		if want := []string{"base", "nested"}; link.Name == "squeeze" && !slices.Equal(link.Chains, want) {
			t.Errorf("squeeze: got chains %q; want %q", link.Chains, want)
		}
	}
}

// TestChainsOfChainsAreBounded has chains that would unfold to 2^40 looks.
func TestChainsOfChainsAreBounded(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString(strings.Replace(stageBase, "middleware: [limit]", "middleware: [c0]", 1))
	for i := range 40 {
		text.WriteString("  c" + string(rune('0'+i/10)) + string(rune('0'+i%10)) + ": {type: chain, stages: [")
		for n := 1; n <= 2 && i+n < 40; n++ {
			if n > 1 {
				text.WriteString(", ")
			}
			text.WriteString("c" + string(rune('0'+(i+n)/10)) + string(rune('0'+(i+n)%10)))
		}
		text.WriteString("]}\n")
	}
	opts := Options{Data: []byte(text.String()), Set: []string{"routes.api.middleware=c00"}}
	_, err := Load(opts)
	for _, part := range []string{"c39.stages: must not be empty", "routes.api.middleware: runs more than 32 stages, or by more than 8 chains in one another"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("got %v; want %s", err, part)
		}
	}
}

// TestLongCyclesAreFound has a cycle of more chains than may stand in one another.
func TestLongCyclesAreFound(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString(stageBase)
	for i := range 30 {
		text.WriteString("  " + string(rune('a'+i%26)) + strconv.Itoa(i) + ": {type: chain, stages: [" + string(rune('a'+(i+1)%30%26)) + strconv.Itoa((i+1)%30) + "]}\n")
	}
	_, err := Load(Options{Data: []byte(text.String())})
	if err == nil || strings.Count(err.Error(), "the chain is in itself: ") != 1 {
		t.Errorf("got %v; want one cycle", err)
	}
}
