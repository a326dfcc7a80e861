// Package lifecycle is what every job does besides its own work: a Job is made of a
// config's text by the job's package and has four parts, CheckFiles, Plan, Run and the
// place of its result; Start opens the log of a run, Finish writes its result, and
// between them are checkpoints, the record of what made the result, the account of what
// each rank did, and the table on the console.
//
// # Rules
//
// Every rank runs the same code: the text of the config is the same everywhere. Rank 0
// alone touches the files of a result; where that fails the error becomes every rank's.
//
// What a run leaves in its directory is written beside the final names and renamed.
// metrics.json is removed first and written last, so that where it is, the rest belongs
// to it. config.toml is the config of the run with every default and with what the run
// chose: the same command with it gives the same result. The log grows as .run-*.log and becomes run.log, or failed.log where the run
// failed. A checkpoint lies in checkpoint/ until the run is done.
package lifecycle
