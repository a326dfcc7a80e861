package job

import (
	"encoding/json"
	"math"
	"strconv"
)

// number is a float64 that JSON can carry: what is not finite becomes a string.
type number float64

func (x number) MarshalJSON() ([]byte, error) {
	if v := float64(x); math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.AppendQuote(nil, strconv.FormatFloat(v, 'g', -1, 64)), nil
	}
	return json.Marshal(float64(x))
}

type series []float64

func (s series) MarshalJSON() ([]byte, error) {
	list := make([]number, len(s))
	for i, x := range s {
		list[i] = number(x)
	}
	return json.Marshal(list)
}
