// Package headroom estimates how much more load this instance takes before its tail breaks,
// and which limit comes first.
//
// A Meter is given a Sample once a second (look.Process takes those of the process, cmd those
// of the engine), keeps a minute of them, and makes an Estimate when it is asked. Nothing here
// is near a request: what a sample holds was counted anyway. Start reading at meter.go;
// estimate.go ranks the limits, and each law has a file:
//
//	cost.go       processor time a second by the load. By the utilisation law (Denning and
//	              Buzen 1978: U = X S) it grows with the load, behind a part that is there
//	              without any. S is not one number: whoever arrives at a loop that sleeps
//	              pays for waking it up, and the busier a loop is the fewer do. Both are
//	              learnt by a Kalman filter from how the load changes by itself, which
//	              begins with what look.Wake has measured of the machine.
//	tail.go       p99 by the utilisation, of a processor and of a pool with a queue: the mean
//	              wait of Pollaczek and Khinchine, whose tail is taken for exponential
//	              (exact for M/M/c; Sakasegawa 1977 for who has to wait).
//	occupancy.go  what is held while a request takes: by Little's law it grows with the
//	              load, and varies around its mean as it did within the minute.
//
// What a law does not know makes its estimate a range, and what is too little for any is not
// told: an estimate of a proxy that does nothing says that it cannot tell.
//
// What they do not see: backends that get slower as they are asked more, other programs that
// are busy because of this load, and requests that cost more than those of the last minute.
//
// Imported by cmd; imports pool/stat and the standard library. Everything but look is pure.
package headroom
