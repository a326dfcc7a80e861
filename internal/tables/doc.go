// Package tables decides which column of a table is what: coordinates, value and standard
// deviation of observations, places, pixels, and the numbers of PSFs. All jobs that read a
// table ask it, so that a column has one meaning everywhere.
//
// # Rules
//
// Where the table has names, columns are found by name, with a dictionary of what the
// field calls them (dictionary.go), and never by their place: a table whose names leave
// something open is an *Error, which lists the columns and shows the line of the config
// that says which is which. Columns without names are taken by their place.
//
// x is the column of a pixel and y its row; row and col are what they say. Pixels are
// counted from 0, but for the names that source finders use for pixels counted from 1.
//
// Columns of text, and those that number the rows, are passed over unless the config names
// them. What was decided can be told in words: Columns.Text, Columns.Units.
package tables
