// Package progress shows on a console how a run gets on: one line that is
// rewritten in place on a terminal, an occasional plain line elsewhere, nothing
// when quiet. A nil *Line is quiet and costs nothing, so callers never ask.
package progress
