package proxies

import (
	"fmt"
	"strings"
)

// scenario is one kind of load.
type scenario struct {
	name        string
	title       string
	path        string
	bodyBytes   int // of the request, sent by POST
	connections int
	rate        float64 // open loop; 0: closed loop
	ofPeak      float64 // open loop at this share of the slowest contender's closed-loop rate
	newEach     bool    // a new connection for each request
	backends    int     // 0: one
	idle        int     // idle connections opened instead of sending load
}

// scenarios are all there are, in the order of the table.
func scenarios() []scenario {
	return []scenario{
		{name: "small", title: "small keep-alive, saturated, 64 connections", path: "/", connections: 64},
		{name: "rate2k", title: "2,000/s on idle cores", path: "/", connections: 64, rate: 2000},
		{name: "rate10k", title: "10,000/s on idle cores", path: "/", connections: 64, rate: 10000},
		{name: "p99", title: "60 % of saturation, open loop", path: "/", connections: 64, ofPeak: 0.6},
		{name: "16k", title: "16 KiB body", path: "/?size=16KiB", connections: 64},
		{name: "1m", title: "1 MiB body", path: "/?size=1MiB", connections: 16},
		{name: "post64k", title: "POST 64 KiB", path: "/", bodyBytes: 64 << 10, connections: 32},
		{name: "newconn", title: "new connection each request", path: "/", connections: 32, newEach: true},
		{name: "conns4096", title: "4,096 connections", path: "/", connections: 4096},
		{name: "backends1000", title: "1,000 backends", path: "/", connections: 64, backends: 1000},
		{name: "idle10k", title: "10,000 idle connections", path: "/", idle: 10000},
	}
}

// ScenarioNames are the names Options.Scenarios may hold.
func ScenarioNames() []string {
	out := make([]string, 0, len(scenarios()))
	for _, s := range scenarios() {
		out = append(out, s.name)
	}
	return out
}

// choose returns the scenarios of the given names; none given: all.
func choose(wanted []string) ([]scenario, error) {
	all := scenarios()
	if len(wanted) == 0 {
		return all, nil
	}
	var out []scenario
	for _, name := range wanted {
		n := len(out)
		for _, s := range all {
			if s.name == name {
				out = append(out, s)
			}
		}
		if len(out) == n {
			return nil, fmt.Errorf("cannot find the scenario %q: there are %s", name, strings.Join(ScenarioNames(), ", "))
		}
	}
	return out, nil
}
