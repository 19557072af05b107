package config

import (
	"slices"
	"strings"
)

// synonymText lists words of other proxies, each with our key for it.
const synonymText = `
upstream=pool upstreams=pools cluster=pool clusters=pools service=pool services=pools
servers=backends members=backends targets=backends endpoints=backends nodes=backends max_conns=max_requests
server=address url=address listen=address bind=address port=address host=hosts
frontends=listeners entrypoints=listeners virtual_hosts=routes middlewares=middleware
healthcheck=health_check health=health_check healthchecks=health_check
policy=algorithm lb_policy=algorithm balance=algorithm strategy=algorithm
prefix=path_prefix regex=path_regex retries=retry body=respond cert=cert_file key=key_file
static=files file_server=files try_files=fallback alias=root`

// synonym returns our key for the word of another proxy, or "".
func synonym(word string) string {
	for pair := range strings.FieldsSeq(synonymText) {
		if theirs, ours, _ := strings.Cut(pair, "="); theirs == word {
			return ours
		}
	}
	return ""
}

// valueSynonymText lists values as other proxies spell them, each with ours.
const valueSynonymText = `
rr=round_robin wrr=weighted_round_robin static-rr=weighted_round_robin roundrobin=round_robin
leastconn=least_connections least_conn=least_connections least_request=least_connections lc=least_connections wlc=least_connections
power_of_two=p2c power_of_two_choices=p2c random_choose=p2c random_choice=p2c ewma=peak_ewma peakewma=peak_ewma
source=ip_hash hash=consistent_hash uri=consistent_hash uri_hash=consistent_hash header=consistent_hash cookie=consistent_hash
ring_hash=consistent_hash ringhash=consistent_hash chash=consistent_hash ketama=consistent_hash
h1=http1 http=http1 http2=h2 grpc=h2c https=http1 warning=warn`

// meantValue guesses which of the values of a key was meant, or "".
func meantValue(word string, values []string) string {
	low := strings.ToLower(word)
	for pair := range strings.FieldsSeq(valueSynonymText) {
		if theirs, ours, _ := strings.Cut(pair, "="); theirs == low && slices.Contains(values, ours) {
			return ours
		}
	}
	return nearest(word, values)
}

// prefixMin is the length from which the begin of a word stands for all of it.
const prefixMin = 4

// candidatesMax bounds the names a misspelt one is compared with.
const candidatesMax = 1000

// nearest returns the candidate that a misspelt word most likely means, or "".
func nearest(word string, candidates []string) string {
	best, bestDistance := "", max(1, len(word)/3)+1
	low := strings.ToLower(word)
	for _, c := range candidates {
		if short := min(len(low), len(c)); short >= prefixMin && strings.EqualFold(low[:short], c[:short]) {
			return c // warning for warn, conn for connections
		}
	}
	for _, c := range candidates[:min(len(candidates), candidatesMax)] {
		if d := distance(low, strings.ToLower(c), bestDistance); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// DidYouMean is " (did you mean "name"?)" with the one of the names that a misspelt
// word most likely means; "" when none is near.
func DidYouMean(word string, names []string) string {
	return didYouMean(quoted(nearest(word, names)))
}

// didYouMean renders a suggestion in brackets with a space before it; "" gives "".
func didYouMean(what string) string {
	if what == "" {
		return ""
	}
	return " (did you mean " + what + "?)"
}

// meantKey guesses what an unknown key of a section was meant to be: a key of
// this section, or the place of one at another level.
func (s *schema) meantKey(key string, fields []field) (here, elsewhere string) {
	names := keyNames(fields)
	if other := synonym(strings.ToLower(key)); slices.Contains(names, other) {
		return other, ""
	}
	if near := nearest(key, names); near != "" {
		return near, ""
	}
	if places := s.places(strings.ToLower(key)); len(places) > 0 {
		return "", strings.Join(places[:min(2, len(places))], " or ")
	}
	if places := s.places(synonym(strings.ToLower(key))); len(places) > 0 {
		return "", places[0]
	}
	return "", ""
}

// distanceWordMax bounds the words that are compared, and with them the cost.
const distanceWordMax = 64

// distance is the number of insertions, removals, replacements and swaps of
// neighbours (optimal string alignment) between two words; limit when it is
// that or more.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit || len(a) > distanceWordMax || len(b) > distanceWordMax {
		return limit
	}
	var rows [3][distanceWordMax + 1]int
	before, last, row := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit)
}
