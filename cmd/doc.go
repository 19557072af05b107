// Package cmd holds the three programs, each in its own folder: isame-lb serves,
// isame-ctl talks to the admin API, isame-bench measures. They parse flags, wire
// the rooms together and handle signals. What isame-lb does stands in run, so that a
// program of a user's own can do the same and more; nobody else imports it.
//
// The test beside this file guards the arrows between the rooms, because only
// here are all of them visible.
package cmd
