package main

import (
	"bufio"
	"fmt"
	"os"
)

// readPGM reads a picture in the text format PGM: "P2", columns, rows, the largest value,
// and the pixels row by row.
func readPGM(name string) (rows, cols int, picture []float64, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, 0, nil, err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	var top int
	if _, err := fmt.Fscanf(r, "P2\n%d %d\n%d\n", &cols, &rows, &top); err != nil || rows < 1 || cols < 1 {
		return 0, 0, nil, fmt.Errorf("%s is not a PGM file of text, which starts with P2 and its size (%v)", name, err)
	}
	picture = make([]float64, rows*cols)
	for i := range picture {
		if _, err := fmt.Fscan(r, &picture[i]); err != nil {
			return 0, 0, nil, fmt.Errorf("%s: pixel %d of %d: %w", name, i, len(picture), err)
		}
	}
	return rows, cols, picture, nil
}

// writePGM writes a picture of values from 0 to 255 in that format.
func writePGM(name string, rows, cols int, picture []float64) error {
	text := fmt.Appendf(nil, "P2\n%d %d\n255\n", cols, rows)
	for i, v := range picture {
		end := byte(' ')
		if i%cols == cols-1 {
			end = '\n'
		}
		text = append(fmt.Appendf(text, "%.0f", min(max(v, 0), 255)), end)
	}
	return os.WriteFile(name, text, 0o644)
}
