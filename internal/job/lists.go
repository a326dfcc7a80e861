package job

import (
	"fmt"

	"tessera/internal/config"
)

// numbers and words are lists in a config.
type (
	numbers []float64
	words   []string
)

func (n *numbers) UnmarshalTOML(v any) error {
	items, ok := v.([]any)
	if !ok {
		return fmt.Errorf("a list of numbers")
	}
	list := make(numbers, 0, len(items))
	for _, item := range items {
		x, err := config.Number(item)
		if err != nil {
			return fmt.Errorf("a list of numbers")
		}
		list = append(list, x)
	}
	*n = list
	return nil
}

// ints is the list as whole numbers; ok is false if some are not, or lie below least.
func (n numbers) ints(least int) (list []int, ok bool) {
	ok = true
	for _, x := range n {
		i := int(x)
		ok = ok && float64(i) == x && i >= least
		list = append(list, i)
	}
	return list, ok
}

func (w *words) UnmarshalTOML(v any) error {
	items, ok := v.([]any)
	if !ok {
		return fmt.Errorf("a list of strings")
	}
	list := make(words, 0, len(items))
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
