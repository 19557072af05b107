package look

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// groupRoot is where control groups are.
const groupRoot = "/sys/fs/cgroup"

// groupFolders are the folders of the control group of this process for a controller, from its
// own one upwards: each may have a bound. Version 2 has one tree, version 1 one for each
// controller.
func groupFolders(root, groups, controller string) (folders []string) {
	for line := range strings.Lines(groups) {
		_, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		controllers, path, found := strings.Cut(rest, ":")
		if !found {
			continue
		}
		tree := root
		switch {
		case controllers == "":
		case strings.Contains(","+controllers+",", ","+controller+","):
			tree = filepath.Join(root, controller)
		default:
			continue
		}
		for path = filepath.Clean("/" + path); ; path = filepath.Dir(path) {
			folders = append(folders, filepath.Join(tree, path))
			if path == "/" {
				break
			}
		}
	}
	return folders
}

// ownFolders are those of this process.
func ownFolders(controller string) []string {
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	return groupFolders(groupRoot, string(groups), controller)
}

// quota is how many processors the control group may use; 0 is no bound.
func quota() float64 {
	least := math.Inf(1)
	for _, folder := range ownFolders("cpu") {
		if n, ok := readQuota(folder); ok {
			least = min(least, n)
		}
	}
	if math.IsInf(least, 1) {
		return 0
	}
	return least
}

// readQuota reads cpu.max (version 2), or cpu.cfs_quota_us and cpu.cfs_period_us.
func readQuota(folder string) (processors float64, ok bool) {
	text, err := os.ReadFile(filepath.Join(folder, "cpu.max"))
	fields := strings.Fields(string(text))
	if err != nil {
		share, _ := os.ReadFile(filepath.Join(folder, "cpu.cfs_quota_us"))
		period, _ := os.ReadFile(filepath.Join(folder, "cpu.cfs_period_us"))
		fields = strings.Fields(string(share) + " " + string(period))
	}
	if len(fields) != 2 {
		return 0, false
	}
	share, shareErr := strconv.ParseFloat(fields[0], 64)
	period, periodErr := strconv.ParseFloat(fields[1], 64)
	if shareErr != nil || periodErr != nil || share <= 0 || period <= 0 {
		return 0, false
	}
	return share / period, true
}

// readBytes reads a number of bytes of a control group; false where there is none, or no bound.
func readBytes(path string) (uint64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil && n > 0 && n < 1<<60 // version 1 says no bound by a large number
}
