// Package trust decides whom the proxy believes.
//
// Networks are the peers whose X-Forwarded-* fields count, Client walks those fields to
// the client, and ClientIn reads a field that says nothing else. Proxies are the peers whose PROXY header counts. Fields are
// the names of field lines that nobody else may send, because a backend takes them
// for the proxy's own word. Start reading at networks.go.
//
// All of it is compiled once a generation, never changes, and allocates nothing for plain addresses.
//
// Imported by engine; imports pool/wire only.
package trust
