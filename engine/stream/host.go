package stream

// Host is what the session of a peer tells about its streams S, with error codes C. All
// calls but Failed are made by the loop, and none while a lock of the session is held.
type Host[S, C any] interface {
	// Open begins the exchange of a stream.
	Open(s S)
	// Failed counts an error that was sent to the peer: a reset, or the end of the
	// session. Any goroutine may call it.
	Failed(code C)
	// Closed says that the session is over and its connection is to be closed. It is
	// called once, and nothing is called after it.
	Closed()
}
