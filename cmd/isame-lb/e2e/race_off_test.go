//go:build !race

package e2e

// raceEnabled says whether the binary is built with the race detector, as the tests are.
const raceEnabled = false
