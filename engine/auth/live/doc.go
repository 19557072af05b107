// Package live keeps what was read from files up to date while a generation serves.
//
// A Value holds what was made of one or more files; its Load is one atomic load, so
// that requests read it. A Keeper looks after all values there are: once a
// second its only goroutine asks the system whether a file has changed, and reads it
// again when it has settled. Where it cannot be read, or what it holds is wrong, the
// last good one is kept, which is counted, and told once.
//
// It asks for the state of a file rather than for events, since a file that is replaced
// by a rename, through a switched link or on a network file system is noticed alike,
// and costs nothing but one system call a second. Start reading at keeper.go.
//
// Imported by the packages below engine/auth and by stages; imports pool/safely only.
package live
