package api

import "time"

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

// How an instance stands to the document, in Instance.Standing.
const (
	// InstanceAlone shares no document with others.
	InstanceAlone = "alone"
	// InstanceCurrent runs the document as it lies there.
	InstanceCurrent = "current"
	// InstanceBehind runs an older one.
	InstanceBehind = "behind"
	// InstanceRefuses runs an older one because it has refused the one that lies there.
	InstanceRefuses = "refuses"
	// InstanceUnknown has a report that cannot be read.
	InstanceUnknown = "unknown"
)

// Instance is one of those that share a document in etcd, as it reports itself while it lives.
type Instance struct {
	Name string `json:"name"`
	// Self says that it is the one that was asked.
	Self bool `json:"self"`
	// Standing is current, behind (it runs an older document), refuses (it does, as it has refused the last one), unknown (its report
	// cannot be read), or alone (without source.etcd: the list has the instance that was asked).
	Standing string `json:"standing"`
	// Generation and Version are those of its process, Boot names the run of it.
	Generation uint64 `json:"generation"`
	Version    string `json:"version"`
	Boot       string `json:"boot"`
	// Revision is that of the document that it runs, Latest that of the one that lies at the key.
	Revision int64 `json:"revision"`
	Latest   int64 `json:"latest"`
	// Since is when its report last became another one; absent where it does not say so.
	Since *time.Time `json:"since,omitempty"`
	// Refused is a document that it does not run; absent where there is none.
	Refused *EtcdRefusal `json:"refused,omitempty"`
}
