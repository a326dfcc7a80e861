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
// A run claims its directory before it looks at what is there, and has it for itself until
// it ends. What it leaves is written into a hidden directory (outdir.Stage) and renamed when
// all is there; metrics.json of an earlier result goes first and that of the new one comes
// last, so that where it is, the rest belongs to it. config.toml is the config of the run
// with every default and with what the run chose: the same command with it gives the same
// result. The log grows as .run-*.log and becomes run.log, or failed.log where the run
// failed. A checkpoint lies in checkpoint/ until the run is done: two generations of it,
// so that a damaged file costs the time between the two and not the run.
package lifecycle
