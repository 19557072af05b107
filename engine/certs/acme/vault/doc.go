// Package vault keeps what certmagic stores so that whoever reads it finds a whole one. A
// certificate is three values (key, chain, and what the server said), which certmagic
// stores one after the other: a process that is killed in between would leave the new key
// beside the old chain, and a storage that fails in between would lose both.
//
//	certmagic -> Whole -> Folder                    on the disk of one instance
//	                   -> Fleet  -> Shared, Folder  in etcd, and a copy on the disk
//
// Whole holds the values back until all of a certificate are there; Folder and Shared put
// them all at once.
//
// Start reading at Whole. Imported by engine/certs/acme; imports nothing of ours.
package vault
