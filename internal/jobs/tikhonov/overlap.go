package tikhonov

import (
	"fmt"
	"strconv"

	"tessera/internal/config"
)

// overlap is a number of pixels, or automatic.
type overlap int

// automatic leaves the overlap to the solver; "auto" in a config.
const automatic overlap = -1

const wantOverlap = `pixels, 0 or more, or "auto"`

// UnmarshalTOML reads a number of pixels or "auto".
func (o *overlap) UnmarshalTOML(v any) error {
	if v == "auto" {
		*o = automatic
		return nil
	}
	x, err := config.Number(v)
	if err != nil || x != float64(int(x)) || x < 0 {
		return fmt.Errorf("%s", wantOverlap)
	}
	*o = overlap(x)
	return nil
}

func (o overlap) String() string {
	if o == automatic {
		return "auto"
	}
	return strconv.Itoa(int(o))
}

// MarshalJSON writes the number or "auto", as the config has it.
func (o overlap) MarshalJSON() ([]byte, error) {
	if o == automatic {
		return []byte(`"auto"`), nil
	}
	return []byte(o.String()), nil
}

// option is the overlap as the solver's options have it: 0 = automatic, negative = none.
func (o overlap) option() int {
	switch o {
	case automatic:
		return 0
	case 0:
		return -1
	}
	return int(o)
}
