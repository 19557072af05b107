package engine

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// What hash_on names decides alone which of four backends answers: the same value has
// always the same one, whatever else a request says, and other values have others.
func TestHashOnDecidesWhoAnswers(t *testing.T) {
	var backends []string
	for i := range 4 {
		backends = append(backends, fmt.Sprintf("{address: %q}", backend(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, i) })))
	}
	for _, algorithm := range []string{"ip_hash", "consistent_hash", "maglev"} {
		for _, on := range []struct{ name, section string }{
			{"source_ip", ""},
			{"source_ip", ", hash_on: source_ip"},
			{"path", ", hash_on: path"},
			{"header", `, hash_on: "header:X-User"`},
			{"header", `, hash_on: "header:x-user"`},
			{"cookie", `, hash_on: "cookie:user"`},
			{"query", `, hash_on: "query:user"`},
		} {
			t.Run(algorithm+on.section, func(t *testing.T) {
				text := strings.Replace(plain, `address: "127.0.0.1:0"`, `address: "127.0.0.1:0", trusted_proxies: [127.0.0.1]`, 1)
				text = strings.Replace(text, `backends: [{address: "{{backend}}"}]`, "algorithm: "+algorithm+on.section+", backends: ["+strings.Join(backends, ", ")+"]", 1)
				c := start(t, text, "").dial()
				all := map[string]bool{}
				for value := range 96 { // that a backend gets none is as good as impossible
					mine := map[string]bool{}
					for other := range 3 {
						ask := map[string]int{"source_ip": other, "path": other, "header": other, "cookie": other, "query": other}
						ask[on.name] = 100 + value
						c.send(fmt.Sprintf("GET /%d?a=b&user=%d HTTP/1.1\r\nHost: t\r\nX-Forwarded-For: 192.0.2.%d\r\nX-User: %d\r\nCookie: a=b; user=%d\r\n\r\n",
							ask["path"], ask["query"], ask["source_ip"], ask["header"], ask["cookie"]))
						a := c.receive("GET")
						mine[a.body], all[a.body] = true, true
					}
					if len(mine) != 1 {
						t.Errorf("value %d was answered by %d backends; want one", value, len(mine))
					}
				}
				if len(all) != len(backends) {
					t.Errorf("all values together were answered by %d backends; want %d", len(all), len(backends))
				}
			})
		}
	}
}

// Algorithms that hash nothing do not keep a value on one backend: one client that asks
// the same again and again reaches all of them.
func TestAlgorithmsThatDoNotHashReachAll(t *testing.T) {
	for _, algorithm := range []string{"round_robin", "weighted_round_robin", "least_connections", "p2c", "peak_ewma", "random"} {
		t.Run(algorithm, func(t *testing.T) {
			var backends []string
			for i := range 3 {
				backends = append(backends, fmt.Sprintf("{address: %q}", backend(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, string(rune('a'+i))) })))
			}
			c := start(t, strings.Replace(plain, `backends: [{address: "{{backend}}"}]`, "algorithm: "+algorithm+", backends: ["+strings.Join(backends, ", ")+"]", 1), "").dial()
			all := map[string]int{}
			for range 200 {
				all[c.get("/").body]++
			}
			if len(all) != len(backends) {
				t.Errorf("asked %v; want all three", all)
			}
		})
	}
}
