package route

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/match"
)

// crowds are tables of many routes of one kind, with a request for route i.
func crowds() map[string]func(i int) (r config.Route, host, path string) {
	return map[string]func(i int) (config.Route, string, string){
		"host": func(i int) (config.Route, string, string) {
			host := fmt.Sprintf("h%d.example.org", i)

			return config.Route{Predicates: is{Hosts: []string{host}}}, host, "/x"
		},
		"wildcard": func(i int) (config.Route, string, string) {
			host := fmt.Sprintf("h%d.example.org", i)

			return config.Route{Predicates: is{Hosts: []string{"*." + host}}}, "www." + host, "/x"
		},
		"exact": func(i int) (config.Route, string, string) {
			path := fmt.Sprintf("/api/v%d/item%d", i%10, i)

			return config.Route{Predicates: is{Path: path}}, "example.org", path
		},
		"prefix": func(i int) (config.Route, string, string) {
			path := fmt.Sprintf("/api/v%d/item%d", i%10, i)

			return config.Route{Predicates: is{PathPrefix: path}}, "example.org", path + "/x"
		},
		"regex": func(i int) (config.Route, string, string) {
			path := fmt.Sprintf("/item%d/", i)

			return config.Route{Predicates: is{PathRegex: "^" + path + "[0-9]+$"}}, "example.org", path + "77"
		},
	}
}

func crowdRoutes(count int, crowd func(i int) (config.Route, string, string)) routes {
	r := make(routes, count)
	for i := range count {
		r[fmt.Sprintf("route%06d", i)], _, _ = crowd(i)
	}

	return r
}

// The cost must not grow with the number of routes, beyond what the processor's
// caches cost. Requests ask for random routes; "hot" asks for 16 of them, and
// shows the cost without cache misses.
func BenchmarkLookup(b *testing.B) {
	for _, kind := range []string{"host", "wildcard", "exact", "prefix", "regex"} {
		crowd := crowds()[kind]

		for _, count := range []int{10, 1000, 100000} {
			x := build(b, crowdRoutes(count, crowd))

			for _, asked := range []string{"hot", "random"} {
				queries := crowdQueries(count, asked == "hot", crowd)

				b.Run(fmt.Sprintf("routes=%d/kind=%s/asked=%s", count, kind, asked), func(b *testing.B) {
					b.ReportAllocs()

					i := 0
					for b.Loop() {
						if x.Lookup(&queries[i&4095]) < 0 {
							b.Fatal("no route")
						}

						i++
					}
				})
			}
		}
	}
}

// The figure that must stay near 1: what a lookup among 100,000 routes costs,
// as a multiple of one among 10. Measured in turns, with 16 routes asked for.
func BenchmarkLookupGrowth(b *testing.B) {
	for _, kind := range []string{"host", "wildcard", "exact", "prefix", "regex"} {
		crowd := crowds()[kind]
		few, many := build(b, crowdRoutes(10, crowd)), build(b, crowdRoutes(100000, crowd))
		askFew, askMany := crowdQueries(10, true, crowd), crowdQueries(100000, true, crowd)

		b.Run("kind="+kind, func(b *testing.B) {
			var inFew, inMany time.Duration

			for b.Loop() {
				begin := time.Now()

				for i := range askFew {
					few.Lookup(&askFew[i])
				}

				between := time.Now()

				for i := range askMany {
					many.Lookup(&askMany[i])
				}

				inFew += between.Sub(begin)
				inMany += time.Since(between)
			}

			b.ReportMetric(float64(inMany)/float64(inFew), "growth")
		})
	}
}

func crowdQueries(count int, hot bool, crowd func(i int) (config.Route, string, string)) []Query {
	random := rand.New(rand.NewPCG(1, 2))
	queries := make([]Query, 4096)

	for i := range queries {
		n := random.IntN(count)
		if hot {
			n = count / 16 * (i % 16) % count
		}

		_, host, path := crowd(n)
		queries[i] = Query{Request: match.Request{Host: []byte(host), Method: []byte("GET"), Path: []byte(path)}}
	}

	return queries
}

// tenants is a table of many tenants: exact hosts, wildcards and, where expressions are
// asked for, regular expressions, over ten priorities. A request is for one of the first two kinds.
func tenants(count, wildcards, expressions int) (r routes, ask func(i int) string) {
	r = make(routes, count)

	for i := range count {
		p := is{PathPrefix: "/api"}

		switch {
		case i < expressions:
			p.HostsRegex = []string{fmt.Sprintf(`^tenant%d-[a-z]+\.example\.com$`, i)}
		case i < expressions+wildcards:
			p.Hosts = []string{fmt.Sprintf("*.w%d.example.org", i)}
		default:
			p.Hosts = []string{fmt.Sprintf("h%d.example.org", i)}
		}

		r[fmt.Sprintf("route%06d", i)] = config.Route{Predicates: p, Priority: i % 10}
	}

	return r, func(i int) string {
		if i %= count - expressions; i < wildcards {
			return fmt.Sprintf("www.w%d.example.org", i+expressions)
		}

		return fmt.Sprintf("h%d.example.org", i+expressions)
	}
}

// The figure "vs" is what a lookup among 100,000 routes with 100 hosts by regular
// expression costs, as a multiple of one without them. Measured in turns.
func BenchmarkLookupMixed(b *testing.B) {
	const count, wildcards = 100_000, 1000

	var (
		tables  [2]*Index
		queries [2][]Query
		took    [2]time.Duration
	)

	random := rand.New(rand.NewPCG(1, 2))

	for i, expressions := range []int{0, 100} {
		r, ask := tenants(count, wildcards, expressions)
		tables[i] = build(b, r)

		for range 4096 {
			n := random.IntN(count)
			if n%2 == 0 {
				n %= wildcards
			}

			queries[i] = append(queries[i], Query{Request: match.Request{
				Host: []byte(ask(n)), Method: []byte("GET"), Path: []byte("/api/x"), Scratch: make([]byte, 0, 64),
			}})
		}
	}

	b.ReportAllocs()
	b.ResetTimer()

	for b.Loop() {
		for i := range tables {
			begin := time.Now()

			for q := range queries[i] {
				if tables[i].Lookup(&queries[i][q]) < 0 {
					b.Fatal("no route")
				}
			}

			took[i] += time.Since(begin)
		}
	}

	for i, name := range []string{"ns/plain", "ns/expressions"} {
		b.ReportMetric(float64(took[i].Nanoseconds())/float64(b.N*len(queries[i])), name)
	}

	b.ReportMetric(float64(took[1])/float64(took[0]), "vs")
}

// The table most people have: a few hosts and prefixes, a header, a method.
func BenchmarkLookupSmall(b *testing.B) {
	x := build(b, routes{
		"api":    {Predicates: is{Hosts: []string{"api.example.org"}, PathPrefix: "/v1", Methods: []string{"GET", "POST"}}},
		"canary": {Predicates: is{Hosts: []string{"api.example.org"}, PathPrefix: "/v1", Headers: values{"x-env": {Is: "canary"}}}},
		"web":    {Predicates: is{Hosts: []string{"www.example.org", "example.org"}}},
		"health": {Predicates: is{Path: "/health"}},
		"rest":   {Predicates: is{PathPrefix: "/"}},
	})
	head := fields{
		{[]byte("Accept"), []byte("*/*")}, {[]byte("User-Agent"), []byte("x")}, {[]byte("Accept-Encoding"), []byte("gzip")},
	}

	for _, test := range []struct{ name, request string }{
		{"prefix", "GET api.example.org/v1/users/17"},
		{"web", "GET www.example.org/index.html"},
		{"health", "GET 127.0.0.1:8080/health"},
		{"rest", "GET 127.0.0.1:8080/some/path/below"},
	} {
		q := request(test.request)
		q.Facts = &head

		b.Run("request="+test.name, func(b *testing.B) {
			b.ReportAllocs()

			for b.Loop() {
				if x.Lookup(q) < 0 {
					b.Fatal("no route")
				}
			}
		})
	}
}

func BenchmarkBuild(b *testing.B) {
	for _, kind := range []string{"host", "exact", "prefix"} {
		r := crowdRoutes(100000, crowds()[kind])

		b.Run("routes=100000/kind="+kind, func(b *testing.B) {
			b.ReportAllocs()

			for b.Loop() {
				build(b, r)
			}
		})
	}
}
