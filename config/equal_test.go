package config

import (
	"reflect"
	"testing"
)

// filled sets everything below v to something, the same each time.
func filled(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range v.Fields() {
			filled(field)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		filled(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		filled(v.Index(0))
		filled(v.Index(1))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(filled(reflect.New(v.Type().Key()).Elem()), filled(reflect.New(v.Type().Elem()).Elem()))
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(1.5)
	default:
		v.SetInt(7)
	}
	return v
}

// changes visits every way in which something below v can be made another: each value,
// and each list, map and pointer that may be absent, empty or longer.
func changes(v reflect.Value, path string, visit func(path string, change func())) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			changes(v.Field(i), path+"."+v.Type().Field(i).Name, visit)
		}
	case reflect.Pointer:
		inner := v.Elem()
		visit(path+" absent", v.SetZero)
		changes(inner, path, visit)
	case reflect.Slice:
		inner := v.Index(1)
		visit(path+" absent", v.SetZero)
		visit(path+" empty", func() { v.SetLen(0) })
		visit(path+" longer", func() { v.Set(reflect.Append(v, v.Index(0))) })
		changes(inner, path+"[1]", visit)
	case reflect.Map:
		key := v.MapKeys()[0]
		inner := reflect.New(v.Type().Elem()).Elem()
		inner.Set(v.MapIndex(key))
		visit(path+" absent", v.SetZero)
		visit(path+" empty", v.Clear)
		visit(path+" longer", func() { v.SetMapIndex(reflect.ValueOf("more").Convert(v.Type().Key()), v.MapIndex(key)) })
		changes(inner, path+"[text]", func(path string, change func()) {
			visit(path, func() {
				change()
				v.SetMapIndex(key, inner)
			})
		})
	case reflect.String:
		visit(path, func() { v.SetString("other") })
	case reflect.Bool:
		visit(path, func() { v.SetBool(!v.Bool()) })
	case reflect.Float64:
		visit(path, func() { v.SetFloat(v.Float() + 1) })
	default:
		visit(path, func() { v.SetInt(v.Int() + 1) })
	}
}

// everyKeyCounts holds equal against reflect.DeepEqual: for two values that are the same,
// and for each change of one of them.
func everyKeyCounts[T any](t *testing.T, equal func(a, b *T) bool) {
	t.Helper()
	fresh := func() *T {
		v := new(T)
		filled(reflect.ValueOf(v).Elem())
		return v
	}
	if !equal(fresh(), fresh()) || !equal(new(T), new(T)) || equal(new(T), fresh()) {
		t.Error("equal does not tell the same from another")
	}
	count := 0
	changes(reflect.ValueOf(fresh()).Elem(), "", func(string, func()) { count++ })
	for i := range count {
		a, b, at := fresh(), fresh(), 0
		changes(reflect.ValueOf(b).Elem(), "", func(path string, change func()) {
			at++
			if at != i+1 {
				return
			}
			change()
			if reflect.DeepEqual(a, b) {
				panic("BUG: no change at " + path)
			}
			if equal(a, b) || equal(b, a) {
				t.Errorf("%s makes no difference", path)
			}
		})
	}
	if count < 30 {
		t.Errorf("only %d changes were tried", count)
	}
}

func TestEqualLooksAtEveryKey(t *testing.T) {
	t.Run("route", func(t *testing.T) { everyKeyCounts(t, (*Route).Equal) })
	t.Run("pool", func(t *testing.T) { everyKeyCounts(t, (*Pool).Equal) })
}

// TestTakesSameLooksAtWhatIsAsked: what a route does makes no difference, all else does.
func TestTakesSameLooksAtWhatIsAsked(t *testing.T) {
	everyKeyCounts(t, func(a, b *Route) bool {
		does := *b // what b asks, with what a does
		does.Middleware, does.Skip, does.Pool, does.Split, does.SplitOn = a.Middleware, a.Skip, a.Pool, a.Split, a.SplitOn
		does.Files, does.Redirect, does.Respond, does.Mirror, does.Hedge = a.Files, a.Redirect, a.Respond, a.Mirror, a.Hedge
		does.AccessLog, does.Timeout, does.Retry = a.AccessLog, a.Timeout, a.Retry
		same := reflect.DeepEqual(a, &does)
		if got := a.TakesSame(b); got != same {
			t.Errorf("takes the same: got %v; want %v of\n%+v\n%+v", got, same, *a, *b)
		}
		return reflect.DeepEqual(a, b)
	})
}

func BenchmarkEqual(b *testing.B) {
	loaded, err := Load(Options{Data: manyBackends(2)})
	if err != nil {
		b.Fatal(err)
	}
	again, err := Load(Options{Data: manyBackends(2)})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("of=route", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r, o := loaded.Config.Routes["r0"], again.Config.Routes["r0"]
			if !r.Equal(&o) {
				b.Fatalf("not equal: %+v", r)
			}
		}
	})
	b.Run("of=pool", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p, o := loaded.Config.Pools["p0"], again.Config.Pools["p0"]
			if !p.Equal(&o) {
				b.Fatalf("not equal: %+v", p)
			}
		}
	})
}
