package lifecycle

import (
	"encoding/json"
	"strings"
)

// Input is what a run took from one file that its config names. A text is empty where
// there is nothing to say.
type Input struct {
	File    string `json:"file"`              // as the config names it
	Part    string `json:"part,omitempty"`    // extension, plane or table of the file, and its format
	Axes    string `json:"axes,omitempty"`    // axes as understood, or which column is what
	Missing string `json:"missing,omitempty"` // how many values are missing, and why
	Units   string `json:"units,omitempty"`   // of the values
	Mask    string `json:"mask,omitempty"`    // which values of a mask are bad, or what a plane of errors is
	Note    string `json:"note,omitempty"`    // anything else that the reader of a result must know
}

// String is the input in one line.
func (in Input) String() string {
	var parts []string
	for _, p := range []string{in.Part, in.Axes, in.Missing, in.Units, in.Mask, in.Note} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return in.File + ": " + strings.Join(parts, "; ")
}

// Inputs are those of one run, in the order in which they were read.
type Inputs struct{ list []Input }

// MarshalJSON writes the list, [] for a run that read no file.
func (l *Inputs) MarshalJSON() ([]byte, error) {
	return json.Marshal(append([]Input{}, l.list...))
}

// Took notes an input: in the log, on the console and, as the record of the run refers to
// the list, in metrics.json. Only what rank 0 notes is written.
func (r *Run) Took(in Input) {
	r.took.list = append(r.took.list, in)
	r.Log.Info("input", "input", in)
	r.Progress.Say(in.String())
}
