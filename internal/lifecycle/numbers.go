package lifecycle

import (
	"encoding/json"
	"math"
	"strconv"
)

// Number is a float64 that JSON can carry: what is not finite becomes a string.
type Number float64

func (x Number) MarshalJSON() ([]byte, error) {
	if v := float64(x); math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.AppendQuote(nil, strconv.FormatFloat(v, 'g', -1, 64)), nil
	}
	return json.Marshal(float64(x))
}

type Series []float64

func (s Series) MarshalJSON() ([]byte, error) {
	list := make([]Number, len(s))
	for i, x := range s {
		list[i] = Number(x)
	}
	return json.Marshal(list)
}
