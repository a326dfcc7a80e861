// Package report draws the pictures of a run's report into PNG or SVG files: a Plot of
// curves over linear or logarithmic axes, a Mosaic, a labelled table of small images, and a
// Map, one image with the scale of its values.
// The same content gives the same bytes. A file is written beside its final name and then
// renamed, so that an interrupted run leaves no incomplete file.
package report
