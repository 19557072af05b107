package api

import (
	"runtime"
	"runtime/debug"
)

// Build is which binary this is.
type Build struct {
	// Version is a release (v1.2.3), a Go pseudo-version, or dev.
	Version string `json:"version"`
	// Commit is the revision it was built from, with -dirty for a changed tree.
	Commit    string `json:"commit"`
	GoVersion string `json:"go_version"`
}

// Text is the one line that every program prints for --version.
func (b Build) Text(program string) string { return program + " " + b.String() }

// String is version, commit and Go version: "v1.2.3 (commit 0123456789ab, go1.26.8)".
func (b Build) String() string {
	return b.Version + " (commit " + b.Commit + ", " + b.GoVersion + ")"
}

// ReadBuild reads what the Go tool stamped into the running binary. version and
// commit, set by the linker for releases, win over the stamp when they are not
// empty.
func ReadBuild(version, commit string) Build {
	b := Build{Version: version, Commit: "unknown", GoVersion: runtime.Version()}
	stamp, ok := debug.ReadBuildInfo()
	if ok {
		if b.Version == "" && stamp.Main.Version != "(devel)" {
			b.Version = stamp.Main.Version
		}
		b.Commit = commitOf(stamp.Settings)
	}
	if b.Version == "" {
		b.Version = "dev"
	}
	if commit != "" {
		b.Commit = commit
	}
	return b
}

// commitOf is the short revision among the settings of a build.
func commitOf(settings []debug.BuildSetting) string {
	const short = 12
	commit, dirty := "unknown", ""
	for _, s := range settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value[:min(short, len(s.Value))]
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "-dirty"
			}
		}
	}
	if commit == "unknown" {
		return commit
	}
	return commit + dirty
}
