package config

import (
	"strings"
	"testing"
)

func TestVariableWithSingleUnderscoresIsGuessed(t *testing.T) {
	for name, want := range map[string]string{
		"ISAME_LOG_LEVEL":                       "ISAME_LOG__LEVEL",
		"ISAME_POOLS_API_ALGORITHM":             "ISAME_POOLS__API__ALGORITHM",
		"ISAME_POOLS_API_NEXT_SLOW_START":       "ISAME_POOLS__API_NEXT__SLOW_START",
		"ISAME_POOLS_NEW_SLOW_START":            "ISAME_POOLS__NEW__SLOW_START",
		"ISAME_POOLS_API_BACKENDS_0_WEIGHT":     "ISAME_POOLS__API__BACKENDS__0__WEIGHT",
		"ISAME_POOLS__API_HEALTH_CHECK__PATH":   "ISAME_POOLS__API__HEALTH_CHECK__PATH",
		"ISAME_LISTENERS_WEB_TLS_MIN_VERSION":   "ISAME_LISTENERS__WEB__TLS__MIN_VERSION",
		"ISAME_ROUTES_API_RETRY_BUDGET_PERCENT": "ISAME_ROUTES__API__RETRY__BUDGET__PERCENT",
		"ISAME_SERVICE_PORT":                    "",
		"ISAME_POOLS_API_NOTHING":               "",
		"ISAME_POOLS_API_ALGORITHM_MORE":        "",
		"ISAME_" + strings.Repeat("A_", 200):    "",
	} {
		_, err := Load(Options{Data: []byte(base), File: "isame.yaml", Environ: []string{name + "=1"}})
		if err == nil {
			t.Errorf("%s is taken", name)
			continue
		}
		if got := strings.Contains(err.Error(), "two underscores"); got != (want != "") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %q; want %q in it", name, err, want)
		}
	}
}

func TestValuesOfOtherProxiesAreUnderstood(t *testing.T) {
	for theirs, ours := range map[string]string{
		"leastconn": "least_connections", "least_request": "least_connections", "roundrobin": "round_robin", "wrr": "weighted_round_robin",
		"ring_hash": "consistent_hash", "source": "ip_hash", "maglv": "maglev", "Round_Robin": "round_robin",
	} {
		_, err := Load(Options{Data: []byte(base), File: "isame.yaml", Set: []string{"pools.api.algorithm=" + theirs}})
		if want := "did you mean \"" + ours + "\"?"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v; want %q", theirs, err, want)
		}
	}
}
