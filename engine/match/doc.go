// Package match says whether a request is one of those that a section of predicates
// means: routes and the when and unless of stages ask it alike.
//
//	request.go     a request, as predicates see it
//	condition.go   sections, of which one has to hold, and their not
//	predicates.go  one section: all of it has to hold
//	host.go        lists of hosts; value.go: fields and parameters
//	param.go       parameters as they are once decoded
//	reason.go      why a section does not hold, for people
//
// Everything is compiled once and never changes; asking allocates nothing and takes no
// lock, but where a decoded parameter outgrows Request.Scratch.
package match
