package run

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
)

// ownName is how somebody starts this program again from the same folder.
func ownName() string {
	if !isTemporary() {
		return shellWord(os.Args[0])
	}
	if b, ok := debug.ReadBuildInfo(); ok && !strings.HasSuffix(b.Path, "/cmd/isame-lb") {
		return "go run ." // a program that calls Main
	}
	return "go run ./cmd/isame-lb"
}

// isTemporary reports whether go run built this program: it is deleted when it ends.
func isTemporary() bool {
	file, err := os.Executable()
	return err == nil && strings.Contains(filepath.ToSlash(file), "/go-build")
}

// ctlName is how somebody starts isame-ctl from the same folder: by its name when
// the shell finds it, by its path when it lies beside this program, else from the source.
func ctlName() string {
	const name = "isame-ctl"
	if _, err := exec.LookPath(name); err == nil {
		return name
	}
	if isTemporary() {
		return "go run ./cmd/" + name
	}
	beside := filepath.Join(filepath.Dir(os.Args[0]), name)
	if strings.Contains(os.Args[0], "/") && isProgram(beside) {
		return shellWord(beside)
	}
	return name
}

func isProgram(file string) bool {
	s, err := os.Stat(file) //nolint:gosec // beside the program that runs, and only looked at
	return err == nil && s.Mode().IsRegular() && s.Mode().Perm()&0o111 != 0
}

// defaultAdmin is where isame-ctl looks without being told.
const defaultAdmin = "127.0.0.1:9901"

// ctlHint is the command line of isame-ctl for an admin endpoint, which speaks TLS or not.
func ctlHint(admin net.Addr, isTLS bool, args string) string {
	where := ""
	switch {
	case admin.Network() == "unix":
		where = " --admin " + shellWord("unix:"+admin.String())
	case isTLS:
		where = " --admin https://" + reachable(admin.String())
	case reachable(admin.String()) != "localhost:9901" && admin.String() != defaultAdmin:
		where = " --admin http://" + reachable(admin.String())
	}
	return ctlName() + where + " " + args
}

// reachable is an address as a client on this machine writes it: localhost for
// one that listens everywhere.
func reachable(bound string) string {
	host, port, err := net.SplitHostPort(bound)
	if err != nil {
		return bound
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("localhost", port)
	}
	return bound
}

// shellWord quotes a name that a shell would not take as one word.
func shellWord(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-:+@%=", r)
	}
	if text != "" && !strings.ContainsFunc(text, func(r rune) bool { return !plain(r) }) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
