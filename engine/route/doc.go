// Package route finds the route of a request.
//
// Build turns the routes of a configuration into an Index: immutable, read by
// any number of goroutines without a lock, and looked up without allocating. Rebuild
// does so for a configuration that follows on another one.
// Start reading at Index.Lookup in cursor.go, which holds the order below.
//
// # Order of precedence
//
// A request takes the first route, in this order, whose every predicate holds:
//
//  1. Priority, higher first; it is 0 where nothing is said. When nothing matches
//     among the routes of one priority, those of the next lower one are tried.
//  2. Host. The exact name, then wildcards from the longest suffix to the
//     shortest ("*.a.example.org" before "*.example.org"), then from the longest
//     beginning to the shortest ("app.eu.*" before "app.*"), then regular
//     expressions, all of them together, then routes without a host or with "*".
//     When nothing matches under one of them, the next one
//     is tried: a more specific host does not hide the routes of a wider one.
//  3. Path, within one host. The exact path, then prefixes from the longest to
//     the shortest ("/" is a prefix, the shortest one), then regular
//     expressions, then routes without a path. Again the next one is tried
//     when nothing matches under the one before.
//  4. The number of further predicates, more first: each header and each query
//     parameter counts one, each section of not counts one, and so do methods,
//     listeners, client_ips, sni and protocol.
//  5. A route that names HEAD, before one that takes HEAD because it names GET.
//  6. The name, in byte order.
//
// Two routes that take exactly the same requests and have the same priority
// are refused by Build: the second could never be reached. Where a route is
// hidden by a wider one - a regular expression beside the prefix "/" of the same
// host, say - Description.HiddenBy names it.
//
// # What matches
//
// Hosts are compared without regard to case, port and one trailing dot.
// "*.example.org" takes a.example.org and a.b.example.org, not example.org, and
// "app.*" takes app.example.org, not app. Expressions see the host in lower case. An
// IPv6 literal matches its canonical text (RFC 5952), with or without brackets
// in the configuration. A host longer than 255 bytes matches only routes for
// every host.
//
// Paths are compared byte by byte; case matters. Those of requests come
// normalised (wire.NormalizePath: decoded, dot segments resolved, slashes
// merged), those of routes are normalised by Build; a regular expression has to
// be written for the normalised path. The prefix "/api" takes /api and /api/x, not /apix; "/api/"
// takes /api/ and everything below it, not /api. Regular expressions (RE2) are
// not anchored unless they say so.
//
// Methods are compared with regard to case. A route that lists GET takes HEAD
// too, as every resource that answers GET answers HEAD (RFC 9110 9.3.2). What is
// asked of fields, parameters and the connection, and what not excludes, is the
// matter of package match.
//
// # Cost
//
// A lookup costs one hash of the host, one for each wildcard length in use, and
// one step for each path segment that a route has in common with the request,
// however many routes there are; and that once more for each priority above the
// winner's. Three things grow: routes that share host and
// path are tried one after another, and so are regular expressions of one host
// whose literal beginning the path has: "^/users/[0-9]+" is tried only for
// paths that begin with /users/, "[0-9]+$" for all. Finding those takes a
// binary search. Of the expressions of hosts, each different one is run once for a
// priority, where the host has its literal beginning and ending and no more specific
// host has a route for the request.
//
// # Where to read what
//
// A file knows those below it in its list, and a build those that a lookup reads. A
// lookup, and what the admin API has to say of one:
//
//	explain.go    why a request takes a route, by walking as Lookup does
//	cursor.go     Lookup, and the walk through all that host and path leave
//	index.go      what is walked through; describe.go: its routes as people read them
//	pattern.go    regular expressions by their literal beginning
//	rule.go       what a route asks beyond host and path
//	query.go      a request
//	expression.go regular expressions of hosts; host.go: hosts of requests
//	tree.go       exact paths and prefixes; table.go: hosts, and wide nodes of the tree
//	list.go       the routes of one place
//
// A build, which ends in an Index:
//
//	rebuild.go    Rebuild: what is taken over from the index before
//	build.go      Build: the order of routes, one index a priority, routes that are alike
//	shadow.go     routes that no request can reach; tie.go: those that only a name puts behind
//	cover.go      whether one route asks for less than another one, by what both say
//	compile.go    one route of the configuration into a draft
//	finish.go     drafts into the form that lookups read
//	grow.go       drafts into sites and trees
//	draft.go      what a build knows
//
// Beside both, split.go shares requests between pools.
package route
