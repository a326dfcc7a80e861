package lifecycle

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Table is the summary at the end of a run: a name and a text a row.
type Table struct{ w *tabwriter.Writer }

// NewTable writes to w when it is flushed.
func NewTable(w io.Writer) *Table { return &Table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)} }

// Row adds a row.
func (t *Table) Row(name, format string, args ...any) {
	fmt.Fprintf(t.w, "%s\t%s\n", name, fmt.Sprintf(format, args...))
}

// Flush writes the rows, aligned.
func (t *Table) Flush() error { return t.w.Flush() }
