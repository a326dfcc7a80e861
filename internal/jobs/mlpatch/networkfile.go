package mlpatch

import (
	"fmt"

	"tessera/internal/imageio"
	"tessera/mlpatch"
	"tessera/train"
)

// axesOfNetwork says what the shape of a network is.
func axesOfNetwork(n *mlpatch.Network) string {
	return fmt.Sprintf("%s patch of %d points, %d parameters", n.Geometry.Kind, n.Geometry.Points(), n.Parameters())
}

// writeModel writes a model file of this kind.
func writeModel(path, kind string, about any, theta []float64, seen *mlpatch.Seen) error {
	array := func(name string, data []float64, shape ...int) imageio.Member {
		return imageio.Member{Name: name, Array: imageio.Array{Shape: shape, Data: data}}
	}
	f := train.Model{Kind: kind, About: about, Arrays: []imageio.Member{array("theta", theta, len(theta))}}
	if seen != nil {
		f.Arrays = append(f.Arrays, array("histogram", seen.Histogram, mlpatch.Histograms, mlpatch.Bins))
	}
	return f.Write(path)
}

// networkFile is a model file of one of these jobs.
type networkFile struct {
	*train.Model
	path    string
	network *mlpatch.Network
}

// readNetwork reads a model file of a kind; about gets its description, of which network is a part.
func readNetwork(path, kind string, about any, network *mlpatch.Network) (*networkFile, error) {
	f, err := train.ReadModel(path, kind, about)
	if err != nil {
		return nil, err
	}
	if err := network.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &networkFile{f, path, network}, nil
}

// theta are the parameters.
func (f *networkFile) theta() ([]float64, error) {
	return f.Array(f.path, "theta", f.network.Parameters())
}

// learned are the parameters and the histograms of what the network was trained on.
func (f *networkFile) learned(farthest float64) ([]float64, mlpatch.Seen, error) {
	theta, err := f.theta()
	if err != nil {
		return nil, mlpatch.Seen{}, err
	}
	seen := mlpatch.Seen{Farthest: farthest}
	seen.Histogram, err = f.Array(f.path, "histogram", mlpatch.Histograms*mlpatch.Bins)
	return theta, seen, err
}
