package headroom

// Kind is what may run out. The list is closed: words are added, never renamed.
type Kind uint8

// The kinds.
const (
	// Processors are those that the process may use: the tail breaks before they are used up.
	Processors Kind = iota
	// Shard is the busiest event loop, which one processor serves.
	Shard
	// Memory is what the process may have.
	Memory
	// Descriptors are open files and sockets.
	Descriptors
	// Connections are those of clients to a listener.
	Connections
	// PoolRequests are those in progress in a pool.
	PoolRequests
	// BackendRequests are attempts in flight at the backends of a pool, by their max_requests.
	BackendRequests
	// BackendConnections are those to the busiest backend of a pool.
	BackendConnections
	// BackendPorts are local ports of connections to one address.
	BackendPorts
	// Kinds is how many there are.
	Kinds
)

// String is its word: of the API, and the value of the label limit.
func (k Kind) String() string {
	return [Kinds]string{
		"processors", "shard", "memory", "descriptors", "connections",
		"pool_requests", "backend_requests", "backend_connections", "backend_ports",
	}[k]
}
