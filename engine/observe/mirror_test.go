package observe

import (
	"strconv"
	"strings"
	"testing"
)

func TestMirrorKeepsTheLastExamples(t *testing.T) {
	r := NewRegistry(2)
	s := r.Mirror("api")
	s.Add(1, MirrorAnswered)
	s.Add(0, MirrorTooLong)
	s.Compared(0, MirrorSame, &MirrorExample{RequestID: "same"})
	if got := s.Examples(); len(got) != 0 {
		t.Errorf("got %v; want none of answers that are the same", got)
	}
	for i := range 2*mirrorExamplesMax + 3 {
		s.Compared(i%2, MirrorOtherBody, &MirrorExample{RequestID: strconv.Itoa(i), Status: 200, MirrorStatus: 500})
		got := s.Examples()
		first := max(0, i+1-mirrorExamplesMax)
		if len(got) != i+1-first || got[0].RequestID != strconv.Itoa(first) || got[len(got)-1].RequestID != strconv.Itoa(i) {
			t.Fatalf("after %d: got %v; want those from %d on", i+1, got, first)
		}
	}
	if got := s.Examples()[0]; got.Result != MirrorOtherBody || got.Status != 200 || got.MirrorStatus != 500 {
		t.Errorf("got %+v", got)
	}
	if r.Mirror("api") != s {
		t.Error("a route has two sets of counters")
	}
	var text strings.Builder
	r.WriteMetrics(&text, "")
	for _, line := range []string{
		`isame_mirror_requests_total{route="api",outcome="answered"} 1`, `isame_mirror_requests_total{route="api",outcome="too_long"} 1`,
		`isame_mirror_compared_total{route="api",result="same"} 1`, `isame_mirror_compared_total{route="api",result="other_body"} 67`,
	} {
		if !strings.Contains(text.String(), line+"\n") {
			t.Errorf("got\n%s\nwant %s", text.String(), line)
		}
	}
}
