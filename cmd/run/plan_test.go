package run

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/engine/explain"
)

// Everything that the engine says of a plan comes out at the API.
func TestNothingOfAPlanIsLost(t *testing.T) {
	var p explain.Plan
	var texts []string
	n := 0
	filled(reflect.ValueOf(&p).Elem(), &n, &texts)
	p.Replay.Window, p.Keys[0].Share = 0, 0.5
	effects := effectsOf(&p)
	out, err := json.Marshal(api.Plan{Effects: effects, Replay: replayOf(&p.Replay)})
	if err != nil {
		t.Fatal(err)
	}
	missing := 0
	for _, text := range texts {
		if !strings.Contains(string(out), text) {
			missing++
		}
	}
	if missing != 2 || !strings.Contains(string(out), `"share":0.5`) { // the two that were set
		t.Errorf("%d texts are missing in %s", missing, out)
	}
	p.Keys[0].Share = -1
	if effects = effectsOf(&p); effects.Keys[0].Share != nil {
		t.Error("a share that is not known is shown")
	}
	out, err = json.Marshal(effects)
	if err != nil || strings.Contains(string(out), "null") {
		t.Errorf("got %s, %v; want lists", out, err)
	}
}
