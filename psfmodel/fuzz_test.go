package psfmodel

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzRead gives one file to every reader of models and of places: each ends in a model that can be evaluated, or in an error.
func FuzzRead(f *testing.F) {
	const most = 40_000 // bytes: a larger model takes long
	for _, path := range []string{
		psfexFile(f, 6, 5, 3, odd, polynomialCards(1)...), psfexFile(f, 3, 3, 1, odd, "PSF_SAMP= 1"),
		cubeFile(f, [3]int{5, 5, 2}, odd, "DET_YX0 = '(0, 0)'", "DET_YX1 = '(1, 0)'", "OVERSAMP= 4"), cubeFile(f, [3]int{5, 5, 1}, odd),
		cubeFile(f, [3]int{5, 5, 2}, odd, "NXPSFS  = 2", "NYPSFS  = 1", "IPSFX01 = 5", "IPSFX02 = 9", "JPSFY01 = 1"),
	} {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("x,y\n1,2\n"))
	path := filepath.Join(f.TempDir(), "file")
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > most {
			return
		}
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		Places(path)
		Info(path)
		for _, o := range []Options{{}, {Format: STDPSF, Detector: 1}, {Format: Kernel, Oversampling: 2}} {
			m, err := Read(path, o)
			if err != nil {
				continue
			}
			if rows, cols := m.Size(); rows > 0 && rows*cols < 1<<16 {
				m.At(1, 2, 0)
			}
		}
	})
}
