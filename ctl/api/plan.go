package api

import (
	"encoding/json"
	"errors"
)

// Effects are what a change would do to what lives now.
type Effects struct {
	// Connections live on listeners, routes and pools that change or go; what has none is left out.
	Connections []PlannedConnections `json:"connections"`
	// Keys are those of hashes, splits and sticky sessions that get another backend, or another pool.
	Keys []PlannedKeys `json:"keys"`
	// Limiters are those whose counts are lost.
	Limiters []PlannedLimiter `json:"limiters"`
	// Sockets are opened or closed; whether an address is free is known only when it is bound.
	Sockets []PlannedSocket `json:"sockets"`
}

// PlannedConnections are the connections on one object that changes or goes.
type PlannedConnections struct {
	// Kind is listener, route or pool.
	Kind string `json:"kind"`
	Name string `json:"name"`
	// Change is changed or removed.
	Change string `json:"change"`
	// Tunnels were switched to another protocol, as WebSockets are.
	Tunnels int64 `json:"tunnels"`
	// Streams are the open streams of HTTP/2 and HTTP/3 of a listener.
	Streams int64 `json:"streams"`
	// Active connections of a listener are inside an exchange, Idle ones wait for a request.
	Active int64 `json:"active"`
	Idle   int64 `json:"idle"`
	// InProgress are the attempts under way at backends of a pool, its tunnels and long answers among them.
	InProgress int64 `json:"in_progress"`
	// Then says what becomes of them.
	Then string `json:"then"`
}

// PlannedKeys are keys of which some move.
type PlannedKeys struct {
	// Kind is pool or route.
	Kind string `json:"kind"`
	Name string `json:"name"`
	// By is what decides: hash_on or split_on with what it looks at, or sticky.
	By string `json:"by"`
	// Share is the part that moves, from 0 to 1; absent where it is not known.
	Share *float64 `json:"share,omitempty"`
	// Says says why, or how it was found out.
	Says string `json:"says"`
}

// PlannedLimiter is a stage whose counts are lost: who is refused now may pass again.
type PlannedLimiter struct {
	Stage string `json:"stage"`
	Type  string `json:"type"`
	// Keys is how many it holds now.
	Keys int    `json:"keys"`
	Says string `json:"says"`
}

// PlannedSocket is a listening socket that comes or goes.
type PlannedSocket struct {
	Listener string `json:"listener"`
	// Network is tcp, udp or unix.
	Network string `json:"network"`
	Address string `json:"address"`
	// Action is bound or closed.
	Action string `json:"action"`
}

// Replay is what would become of requests that were served: a sample of their heads, tried on what runs and on what is
// planned.
type Replay struct {
	// Requests is how many were tried, of at most Kept that are kept in memory.
	Requests int `json:"requests"`
	Kept     int `json:"kept"`
	// Stale are those that came by a listener that is gone since; they were not tried.
	Stale int `json:"stale"`
	// WindowSeconds is how long ago the oldest one was served.
	WindowSeconds float64 `json:"window_seconds"`
	// Changed is for how many of them anything changes.
	Changed int `json:"changed"`
	// Routes, Pools, Stages and Answers are those that get another route, another pool, other stages or stages that are defined
	// otherwise, and another answer. A request may be among several.
	Routes  ReplayedChanges `json:"routes"`
	Pools   ReplayedChanges `json:"pools"`
	Stages  ReplayedChanges `json:"stages"`
	Answers ReplayedChanges `json:"answers"`
	// Blind are keys that look at values which are not kept; for requests that they decide about the replay does not tell.
	Blind []string `json:"blind"`
}

// ReplayedChanges are the changes of one kind.
type ReplayedChanges struct {
	// Requests is how many are concerned.
	Requests int `json:"requests"`
	// Kinds is how many pairs of before and after there are, of which Examples has the most frequent ones, ten at most.
	Kinds    int              `json:"kinds"`
	Examples []ReplayedChange `json:"examples"`
}

// ReplayedChange is one pair of before and after, with the first request that has it.
type ReplayedChange struct {
	Before string `json:"before"`
	After  string `json:"after"`
	// Requests is how many have this pair.
	Requests int    `json:"requests"`
	Method   string `json:"method"`
	Host     string `json:"host"`
	// Path is as it was sent, without the query.
	Path     string `json:"path"`
	Listener string `json:"listener"`
	// Peer is the other end of the connection; empty for a unix socket.
	Peer string `json:"peer"`
	// Protocol is http1, h2 or h3.
	Protocol string `json:"protocol"`
}

// ConfigText is a whole configuration inside of a JSON body: an object, or text in a format that stands beside it.
type ConfigText struct {
	// Body is the text, or the object as JSON.
	Body []byte
	// IsObject says that it was one.
	IsObject bool
}

var errConfigText = errors.New("a configuration is an object, or text")

// UnmarshalJSON reads text or an object.
func (c *ConfigText) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil && string(data) != "null" {
		*c = ConfigText{Body: []byte(text)}
		return nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil || object == nil {
		return errConfigText
	}
	*c = ConfigText{Body: append([]byte(nil), data...), IsObject: true}
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (c ConfigText) MarshalJSON() ([]byte, error) {
	if c.IsObject {
		return c.Body, nil
	}
	return json.Marshal(string(c.Body)) //nolint:wrapcheck // text can always be written
}
