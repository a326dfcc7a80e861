// Package jobs is the registry of the jobs that a config can ask for, and of the studies
// of them. A job is a package below, with its config section, defaults and checks, what
// it reads, which solver it calls and what it writes; registry.go names them all, and is
// the one file outside of its folder that a new job touches.
package jobs
