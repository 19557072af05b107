package api

// UpgradeResult is the answer to an upgrade: another process serves by now.
type UpgradeResult struct {
	// PID is the process that serves, OldPID the one that drains.
	PID    int `json:"pid"`
	OldPID int `json:"old_pid"`
}
