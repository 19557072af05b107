package custom

import (
	"bytes"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/isame-lb/isame-lb/engine/observe/expose"
)

func page(write func(p *expose.Page)) string {
	var b bytes.Buffer
	p := expose.NewPage(&b, expose.Text)
	write(p)
	_ = p.End()
	return b.String()
}

func TestMetricsOfAProgram(t *testing.T) {
	orders := NewCounter("shop_orders_total", "Orders.", "paid_by", "shop")
	orders.With("card", `a"b`).Add(3)
	orders.With("cash", "\xff").Inc()
	NewCounter("shop_orders_total", "Orders.", "paid_by", "shop").With("card", `a"b`).Inc()
	NewGauge("shop_stock", "Stock.").With().Set(-2.5)
	sizes := NewHistogram("shop_sizes", "Sizes.", []float64{1, 10}, "shop")
	sizes.With("a").Update(5)
	sizes.With("a").Update(50)
	text := page(Write)
	for _, want := range []string{
		"# HELP shop_orders_total Orders.\n# TYPE shop_orders_total counter\n", `shop_orders_total{paid_by="card",shop="a\"b"} 4` + "\n",
		`shop_orders_total{paid_by="cash",shop="` + "\uFFFD" + `"} 1` + "\n", "# TYPE shop_stock gauge\nshop_stock -2.5\n",
		"# TYPE shop_sizes histogram\n" + `shop_sizes_bucket{shop="a",le="1"} 0` + "\n" + `shop_sizes_bucket{shop="a",le="10"} 1` + "\n" +
			`shop_sizes_bucket{shop="a",le="+Inf"} 2` + "\n" + `shop_sizes_sum{shop="a"} 55` + "\n" + `shop_sizes_count{shop="a"} 2` + "\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
}

func TestMetricsOfAProgramAreBounded(t *testing.T) {
	visits := NewCounter("shop_visits_total", "Visits.", "by")
	for i := range SeriesMax + 50 {
		visits.With(strconv.Itoa(i)).Inc()
	}
	visits.With("0").Inc()
	text := page(Write)
	if n := strings.Count(text, "\nshop_visits_total{"); n != SeriesMax+1 {
		t.Errorf("got %d series; want %d and one for the others", n, SeriesMax)
	}
	for _, want := range []string{`shop_visits_total{by="other"} 50`, `shop_visits_total{by="0"} 2`} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestBadMetricsOfAProgramArePanics(t *testing.T) {
	NewCounter("shop_taken_total", "Taken.")
	for name, call := range map[string]func(){
		"ours":            func() { NewCounter("isame_x_total", "X.") },
		"no total":        func() { NewCounter("shop_x", "X.") },
		"no help":         func() { NewGauge("shop_x", "") },
		"another help":    func() { NewCounter("shop_taken_total", "Given.") },
		"another label":   func() { NewCounter("shop_taken_total", "Taken.", "by") },
		"buckets":         func() { NewHistogram("shop_x", "X.", []float64{2, 1}) },
		"values":          func() { NewGauge("shop_y", "Y.", "a").With() },
		"reserved labels": func() { NewGauge("shop_z", "Z.", "le") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it was taken")
				}
			}()
			call()
		})
	}
}

// values makes what Add takes.
func values(all ...string) (b []byte) {
	for _, value := range all {
		at := len(b)
		b = EndValue(append(BeginValue(b), value...), at)
	}
	return b
}

func TestSeriesKeepValuesApart(t *testing.T) {
	s := NewSeries("stage", []string{"a", "b"}, 2)
	const most = 4
	s.Add(0, values("xy", "z"), most)
	s.Add(1, values("x", "yz"), most)
	s.Add(1, values("x", "yz"), most)
	s.Add(0, values("\xff", strings.Repeat("l", 1000)), most)
	s.Add(0, values(Other, Other), most)
	s.Add(0, values("beyond", "it"), most)
	text := page(func(p *expose.Page) { WriteSeries(p, []*Series{s}) })
	want := []string{
		`{name="stage",a="x",b="yz"} 2`, `{name="stage",a="xy",b="z"} 1`,
		`{name="stage",a="` + "\uFFFD" + `",b="` + strings.Repeat("l", valueBytesMax) + `"} 1`, `{name="stage",a="other",b="other"} 2`,
	}
	for _, line := range want {
		if !strings.Contains(text, "isame_custom_requests_total"+line+"\n") {
			t.Errorf("the page lacks %s:\n%s", line, text)
		}
	}
	if n := strings.Count(text, "\nisame_custom"); n != len(want) {
		t.Errorf("got %d series; want %d:\n%s", n, len(want), text)
	}
}

func TestSeriesStayWithinTheirBoundInAnyRace(t *testing.T) {
	const shards, most, each = 4, 10, 500
	s := NewSeries("stage", []string{"a"}, shards)
	var group sync.WaitGroup
	for shard := range shards {
		group.Go(func() {
			for i := range each {
				s.Add(shard, values(strconv.Itoa(i%50)), most)
			}
		})
	}
	group.Wait()
	total := s.rest.Sum()
	for _, counter := range *s.known.Load() {
		total += counter.Sum()
	}
	if n := len(*s.known.Load()); n != most || total != shards*each {
		t.Errorf("got %d series with %d requests; want %d with %d", n, total, most, shards*each)
	}
}
