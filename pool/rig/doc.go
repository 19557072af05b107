// Package rig is what tests of several rooms share. Start reading at authority.go.
// Only tests import it.
package rig
