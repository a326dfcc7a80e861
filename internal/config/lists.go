package config

import (
	"fmt"
)

// Numbers and Words are lists in a config.
type (
	Numbers []float64
	Words   []string
)

func (n *Numbers) UnmarshalTOML(v any) error {
	items, ok := v.([]any)
	if !ok {
		return fmt.Errorf("a list of numbers")
	}
	list := make(Numbers, 0, len(items))
	for _, item := range items {
		x, err := Number(item)
		if err != nil {
			return fmt.Errorf("a list of numbers")
		}
		list = append(list, x)
	}
	*n = list
	return nil
}

// Ints is the list as whole numbers; ok is false if some are not, or lie below least.
func (n Numbers) Ints(least int) (list []int, ok bool) {
	ok = true
	for _, x := range n {
		i := int(x)
		ok = ok && float64(i) == x && i >= least
		list = append(list, i)
	}
	return list, ok
}

func (w *Words) UnmarshalTOML(v any) error {
	items, ok := v.([]any)
	if !ok {
		return fmt.Errorf("a list of strings")
	}
	list := make(Words, 0, len(items))
	for _, item := range items {
		s, ok := item.(string)
		if !ok {
			return fmt.Errorf("a list of strings")
		}
		list = append(list, s)
	}
	*w = list
	return nil
}
