// Package job turns a config file into work: one file a job, each with its TOML
// section, defaults and checks, what it reads, which solver it calls and what it
// writes.
//
// A solver takes plain Go structs; this package fills them. Every rank runs the
// same code: the text of the config is the same everywhere, rank 0 alone touches
// files, and data reaches the other ranks by scatter and gather.
//
// What a run leaves in its directory is written beside the final names and
// renamed. metrics.json is removed first and written last, so that where it is,
// the rest belongs to it.
package job
