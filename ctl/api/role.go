package api

import "slices"

// Role is what a token may do. Each role may do what those before it may.
type Role string

// The roles, least first.
const (
	// RoleMetrics reads the metrics.
	RoleMetrics Role = "metrics"
	// RoleRead reads the state and the configuration, secrets masked.
	RoleRead Role = "read"
	// RoleObserve also sees single requests, which have addresses and paths of clients.
	RoleObserve Role = "observe"
	// RoleOperate also changes backends, reloads, confirms and rolls back.
	RoleOperate Role = "operate"
	// RoleWrite also writes the configuration.
	RoleWrite Role = "write"
)

// Roles are all roles, least first.
func Roles() []Role {
	return []Role{RoleMetrics, RoleRead, RoleObserve, RoleOperate, RoleWrite}
}

// Includes reports that r may do what other may. A role that is none of the above
// includes nothing, and is included by none.
func (r Role) Includes(other Role) bool {
	all := Roles()
	mine, wanted := slices.Index(all, r), slices.Index(all, other)
	return wanted >= 0 && mine >= wanted
}
