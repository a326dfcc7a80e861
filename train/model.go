package train

import (
	"encoding/json"
	"fmt"

	"tessera/internal/imageio"
)

// Version is that of the model files that this package writes and reads.
const Version = 1

const (
	format     = "tessera model"
	headerName = "header"
)

// Model is what a model file holds.
type Model struct {
	Kind   string           // of the model, such as "tppa"
	About  any              // written as JSON: shapes, training set and whatever else the kind describes
	Arrays []imageio.Member // named arrays
}

type header struct {
	Format  string          `json:"format"`
	Version int             `json:"version"`
	Kind    string          `json:"kind"`
	About   json.RawMessage `json:"about"`
}

// Write writes the model to an npz file, whose bytes depend on the model alone. In Python
// bytes(numpy.load(path)["header"].astype("uint8")) is the header's text.
func (m *Model) Write(path string) error {
	about, err := json.Marshal(m.About)
	if err != nil {
		return fmt.Errorf("train: %s: %w", path, err)
	}
	text, err := json.Marshal(header{format, Version, m.Kind, about})
	if err != nil {
		return fmt.Errorf("train: %s: %w", path, err)
	}
	bytes := make([]float64, len(text))
	for i, b := range text {
		bytes[i] = float64(b)
	}
	head := imageio.Member{Name: headerName, Array: imageio.Array{Shape: []int{len(bytes)}, Data: bytes}}
	return imageio.WriteNpz(path, append([]imageio.Member{head}, m.Arrays...))
}

// mostNumbers is how many a model file may hold.
const mostNumbers = 1 << 26

// modest names all arrays of a file, or says that they are too large for a model.
func modest(path string, all []imageio.Member) (names []string, err error) {
	total := 0.0
	for _, m := range all {
		numbers := 1.0
		for _, n := range m.Shape {
			numbers *= float64(n)
		}
		total += numbers
		names = append(names, m.Name)
	}
	if total > mostNumbers {
		return nil, fmt.Errorf("%s: %.0f numbers, want at most %d in a model", path, total, mostNumbers)
	}
	return names, nil
}

// Describe is the kind of a model file and its description, JSON text.
func Describe(path string) (kind string, about json.RawMessage, err error) {
	h, _, err := read(path)
	return h.Kind, h.About, err
}

// read reads the header and the other arrays of a model file of any kind.
func read(path string) (h header, arrays []imageio.Member, err error) {
	members, err := imageio.ReadNpz(path, func(all []imageio.Member) ([]string, error) { return modest(path, all) })
	if err != nil {
		return h, nil, err
	}
	found := false
	for _, a := range members {
		if a.Name != headerName {
			arrays = append(arrays, a)
			continue
		}
		text := make([]byte, len(a.Data))
		for i, v := range a.Data {
			text[i] = byte(v)
		}
		if err := json.Unmarshal(text, &h); err != nil {
			return h, nil, fmt.Errorf("%s: the array %q is no header of a model: %w", path, headerName, err)
		}
		found = true
	}
	switch {
	case !found || h.Format != format:
		return h, nil, fmt.Errorf("%s: not a model file: want an npz file that a training job has written", path)
	case h.Version != Version:
		return h, nil, fmt.Errorf("%s: model file of version %d, this program reads version %d: train the model again", path, h.Version, Version)
	}
	return h, arrays, nil
}

// ReadModel reads a model file of this kind; about gets its description.
func ReadModel(path, kind string, about any) (*Model, error) {
	h, arrays, err := read(path)
	if err != nil {
		return nil, err
	}
	if h.Kind != kind {
		return nil, fmt.Errorf("%s: a model of kind %q, want %q", path, h.Kind, kind)
	}
	if err := json.Unmarshal(h.About, about); err != nil {
		return nil, fmt.Errorf("%s: the description of the model: %w", path, err)
	}
	return &Model{Kind: h.Kind, About: about, Arrays: arrays}, nil
}

// Array is the data of a named array, which has so many numbers.
func (m *Model) Array(path, name string, n int) ([]float64, error) {
	for _, a := range m.Arrays {
		if a.Name == name {
			if len(a.Data) != n {
				return nil, fmt.Errorf("%s: the array %q has %d numbers, want %d", path, name, len(a.Data), n)
			}
			return a.Data, nil
		}
	}
	return nil, fmt.Errorf("%s: no array %q", path, name)
}
