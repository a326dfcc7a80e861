package mlpatch

import (
	"encoding/json"
	"fmt"
	"strings"

	"tessera/internal/lifecycle"
	"tessera/mlpatch"
	"tessera/train"
)

// kinds are the kinds of model files of these jobs: the jobs that take one, by which key, and how it is read.
var kinds = map[string]struct {
	taken string
	read  func(path string) (lifecycle.Input, *mlpatch.Network, error)
}{
	modelKind: {"mlpatch.model of mlpatch-denoise and mlpatch-admm", func(path string) (lifecycle.Input, *mlpatch.Network, error) {
		m, err := readModel(path)
		if err != nil {
			return lifecycle.Input{}, nil, err
		}
		return m.took(path), &m.Network, nil
	}},
	upscalerKind: {"superres.model of mlpatch-superres", func(path string) (lifecycle.Input, *mlpatch.Network, error) {
		m, err := readUpscaler(path)
		if err != nil {
			return lifecycle.Input{}, nil, err
		}
		return m.took(path), &m.Network, nil
	}},
	correctorKind: {"learned.model of darkmatter", func(path string) (lifecycle.Input, *mlpatch.Network, error) {
		m, err := readCorrector(path)
		if err != nil {
			return lifecycle.Input{}, nil, err
		}
		return m.took(path), &m.Network, nil
	}},
}

// Info says what a model file of these jobs holds and which job takes it, and how the job "darkmatter" would read a file; "" of a
// file that is neither.
func Info(path string) string {
	kind, about, err := train.Describe(path)
	k, known := kinds[kind]
	if err != nil || !known {
		return darkInfo(path)
	}
	var b strings.Builder
	in, n, err := k.read(path)
	fmt.Fprintf(&b, "  as a model  %s (%s)\n", kind, k.taken)
	if err != nil {
		fmt.Fprintf(&b, "              refused: %v\n", err)
		return b.String()
	}
	fmt.Fprintf(&b, "              %s\n              %s\n", in.Axes, in.Note)
	layers := fmt.Sprint(n.Hidden)
	if n.Chunks > 1 {
		layers = fmt.Sprintf("%d chunks of %v, %d features, mixer %v", n.Chunks, n.Hidden, n.Features, n.Mixer)
	}
	fmt.Fprintf(&b, "              %d planes, %d levels, hidden units %s, residual %v, a patch reaches %d pixels, %.0f operations a pixel\n", n.Planes, n.Levels, layers, n.Residual, n.Geometry.Room(), n.Operations())
	var said struct {
		Loss    string  `json:"loss"`
		Steps   int     `json:"steps"`
		Reached float64 `json:"reached"`
		Digest  string  `json:"digest"`
	}
	if json.Unmarshal(about, &said) == nil {
		fmt.Fprintf(&b, "              %d steps, loss %s of %.4g, training set %s\n", said.Steps, said.Loss, said.Reached, said.Digest)
	}
	return b.String()
}
