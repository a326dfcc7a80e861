// Package report draws what a run has to show: curves and tables of small images.
// The same content gives the same bytes; files are written beside and renamed.
package report
