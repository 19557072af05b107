package ctl

import (
	"maps"
	"slices"
)

// sortedKeys are the names of a section in the order they are shown.
func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}

// filled is a list that is [] in JSON, never null.
func filled[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
