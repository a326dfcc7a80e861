// Package progress shows the progress of a run on standard error or another writer: the
// phase, the iteration, the residual and an estimate of the time left. On a terminal it
// rewrites one line, at most ten times a second; elsewhere, as in the log of a batch job,
// it writes a line every ten seconds at most. A nil *Line shows nothing, so that callers
// need no test for a quiet run.
package progress
