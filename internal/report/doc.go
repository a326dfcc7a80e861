// Package report draws the figures of a result: with a title, axes with their units, and a scale
// for every colour, as a paper needs them.
//
//   - Panel: images beside each other over the same axes, or one image alone. Images with one Scale
//     can be compared. Each scale is a colour bar.
//   - Mosaic: a table of many small images.
//   - Plot: curves over linear or logarithmic axes.
//
// Write draws each into two files: a PNG file of 200 dots an inch, and an SVG file with the same
// lines and text as vectors; or into files of the formats it is given, of which PDF is a third, with
// its fonts in it. What lacks a title, a unit or a scale is an error. A figure draws what
// rank 0 holds: a large frame is reduced before. An image is enlarged by a whole factor, or averaged
// over whole blocks of pixels, never resampled.
//
//	p := report.Panel{
//		Title:  "Restoration of m31.fits",
//		X:      report.Pixels("column (pixel)", 0, cols),
//		Y:      report.Pixels("row (pixel)", 0, rows),
//		Images: []report.Image{{Title: "observed", Frame: y}, {Title: "restored", Frame: x}},
//		Scales: []report.Scale{{Label: "intensity (adu)", Stretch: imageio.Asinh(x)}},
//	}
//	err := p.Write("out/m31/panel") // panel.png and panel.svg
//
// The same content gives the same bytes, but for a PDF file, which has its date. A file is written beside its final name and then renamed,
// so that an interrupted run leaves no incomplete file.
package report
