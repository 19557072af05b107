package api

// EtcdState says how this instance is doing with the document that it shares with others (source.etcd).
type EtcdState struct {
	// Endpoints and Key are where the document lies, Cluster the identifier of that etcd.
	Endpoints []string `json:"endpoints"`
	Key       string   `json:"key"`
	Cluster   string   `json:"cluster"`
	// Revision is that of etcd at which the document was put that runs here. Instances that run
	// the same document have the same one.
	Revision int64 `json:"revision"`
	// Latest is the revision of the document that was seen last.
	Latest int64 `json:"latest"`
	// Connected says that etcd answers.
	Connected bool `json:"connected"`
	// Problem is why it does not, or what is wrong with the key.
	Problem string `json:"problem,omitempty"`
	// Cached says that what runs is the copy on the disk, and that etcd was not reached since the start.
	Cached bool `json:"cached"`
	// Refused is a document in etcd that does not run here; absent where there is none.
	Refused *EtcdRefusal `json:"refused,omitempty"`
	// SameName says that another instance has the name of this one; absent where none has.
	SameName string `json:"same_name,omitempty"`
}

// EtcdRefusal is a document that an instance does not run.
type EtcdRefusal struct {
	Revision int64 `json:"revision"`
	// Reason is its first problem.
	Reason string `json:"reason"`
}
