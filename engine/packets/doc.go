// Package packets is the UDP socket of a listener as several processes have it, one after
// the other: the one that serves, and those before it that still have connections.
//
// All of them write to the socket, and the last one alone reads it. Each gives connection
// ids that begin with a byte of its own (id.go), so whose a packet is stands in front of
// it: what belongs to a process before goes to that one over a pair of unix sockets, with
// the address of its client (message.go, peer.go). Nothing of this needs a privilege, and
// as long as there was no upgrade it costs a look at two bytes of each packet.
//
//	Handover   the next process gets copies of the socket and of the ways to those before,
//	           one end of a new way to here, and the keys.
//	Give       this process stops reading, says so over that way, together with the ids
//	           of clients whose handshakes have begun here, and takes from there what it
//	           still gets. The next one begins to read.
//
// What is never waited for: a way that is full loses the packet, as a full socket would,
// and counts it. A process that has ended is seen by the end of its way, which is forgotten
// then. Where it is the next process that has ended, or has closed its port, this one reads
// the socket again: there is always one who does, the last one that lives.
//
// Start reading at Socket. The other ways of doing this: SO_REUSEPORT with a program in the
// kernel that looks at the ids (nginx), which needs a privilege for the map that steers it,
// or one socket per connection, which NAT and a client that moves break.
//
// Imported by engine; imports pool/socket, pool/safely and quic-go.
package packets
