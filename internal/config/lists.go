package config

import "fmt"

// Numbers is a key that holds a list of finite numbers.
type Numbers []float64

// UnmarshalTOML reads a list of whole or decimal numbers.
func (n *Numbers) UnmarshalTOML(v any) error {
	list, err := listOf(v, "a list of numbers", Number)
	if err == nil {
		*n = list
	}
	return err
}

// Ints is the list as whole numbers. ok is false if one of them is not whole or is less
// than least.
func (n Numbers) Ints(least int) (list []int, ok bool) {
	ok = true
	for _, x := range n {
		i := int(x)
		ok = ok && float64(i) == x && i >= least
		list = append(list, i)
	}
	return list, ok
}

// Words is a key that holds a list of strings.
type Words []string

// UnmarshalTOML reads a list of strings.
func (w *Words) UnmarshalTOML(v any) error {
	list, err := listOf(v, "a list of strings", func(item any) (string, error) {
		s, ok := item.(string)
		if !ok {
			return "", fmt.Errorf("a string")
		}
		return s, nil
	})
	if err == nil {
		*w = list
	}
	return err
}

// listOf reads each item of a TOML list; its error says which list is wanted.
func listOf[T any](v any, want string, read func(any) (T, error)) ([]T, error) {
	items, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("%s", want)
	}
	list := make([]T, 0, len(items))
	for _, item := range items {
		x, err := read(item)
		if err != nil {
			return nil, fmt.Errorf("%s", want)
		}
		list = append(list, x)
	}
	return list, nil
}
