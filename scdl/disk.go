package scdl

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"tessera/internal/linalg"
)

// disk is a store in three files of a folder, tiles-0 to tiles-2, which all ranks with this
// folder share. An iteration reads the file that the iteration before has written, and
// writes another one: never the one that the last snapshot names, and that of the snapshot
// before only where the last iterations could not be kept. Where there are snapshots, a file
// is synced before the snapshot that names it. Each file has a slot for each tile of the
// whole set, in the order of the tiles:
//
//	head     magic, number of the tile, iteration, length of the sparse part, CRC-32C of what follows
//	sparse   arrays that are mostly 0: a bit for each number, 1 if it is not 0, then the numbers that are not
//	dense    the other arrays, at the same offset in all slots
//
// Three tiles are in memory: while one is processed, another is read and a third is
// written. Numbers have the byte order of the machine.
type disk[T linalg.Float] struct {
	files     [stateFiles]*os.File
	current   int // file with the state
	kept      int // file that the last snapshot names; -1 = none
	sync      bool
	first     int // number of this rank's first tile
	count     int // of this rank's tiles
	iteration int // of the stored state; 0 = none
	atoms     int
	form      form
	sparseMax int64 // bytes of a slot before its dense part
	slot      int64
	read      int64
	written   int64
}

const (
	stateFiles = 3
	diskMagic  = "TESSTILE"
	diskHead   = 64
	diskBlock  = 4096 // slots and their dense parts begin at multiples of it
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// newDisk opens the store of the tiles first <= i < first+count, each of form.arrays()
// arrays of atoms x TileSamples. With iteration 0 the state in the files is not used;
// otherwise it is in file number current. With sync, files are synced after each iteration.
func newDisk[T linalg.Float](folder string, first, count, atoms int, form form, iteration, current int, sync bool) (*disk[T], error) {
	d := &disk[T]{first: first, count: count, atoms: atoms, form: form, iteration: iteration, current: current, kept: -1, sync: sync}
	if iteration > 0 {
		d.kept = current
	}
	if current < 0 || current >= stateFiles {
		return d, fmt.Errorf("scdl: a state in file number %d of %d: not a checkpoint of this job", current, stateFiles)
	}
	round := func(n int64) int64 { return (n + diskBlock - 1) / diskBlock * diskBlock }
	n, size := int64(atoms*TileSamples), int64(linalg.SizeOf[T]())
	d.sparseMax = round(diskHead + int64(form.sparse())*(n/8+n*size))
	d.slot = round(d.sparseMax + int64(form.arrays()-form.sparse())*n*size)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return nil, fmt.Errorf("scdl: %w", err)
	}
	for i := range d.files {
		if ours, err := isState(statePath(folder, i)); err == nil && !ours && i != current {
			return nil, errors.Join(notState(statePath(folder, i)), d.close())
		}
		mode := os.O_RDWR | os.O_CREATE
		if iteration > 0 && i == current {
			mode = os.O_RDWR
		}
		f, err := os.OpenFile(statePath(folder, i), mode, 0o666)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("scdl: %w", err), d.close())
		}
		d.files[i] = f
	}
	return d, nil
}

func statePath(folder string, i int) string { return filepath.Join(folder, fmt.Sprintf("tiles-%d", i)) }

// RemoveState deletes the state that a training has left in Options.Folder, and the folder
// if it is a directory, not a link, and empty then. A file with the name of a state that is
// none is an error, and nothing is deleted. It is not collective.
func RemoveState(folder string) error {
	var found []string
	for i := range stateFiles {
		path := statePath(folder, i)
		switch ours, err := isState(path); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return fmt.Errorf("scdl: %w", err)
		case !ours:
			return notState(path)
		default:
			found = append(found, path)
		}
	}
	for _, path := range found {
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("scdl: %w", err)
		}
	}
	if st, err := os.Lstat(folder); err == nil && st.IsDir() {
		_ = os.Remove(folder) // fails if the folder is not empty
	}
	return nil
}

func notState(path string) error {
	return fmt.Errorf("scdl: %s is not the state of a training, but has its name: move it away, or name another folder", path)
}

// isState tells whether the file at path is one of a store. Where the rank of the first tile
// was killed before it wrote that, there are zeros, or nothing.
func isState(path string) (bool, error) {
	st, err := os.Lstat(path)
	if err != nil || !st.Mode().IsRegular() {
		return false, err
	}
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, len(diskMagic))
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, err
	}
	return n == 0 || string(head) == diskMagic || string(head) == strings.Repeat("\x00", len(diskMagic)), nil
}

// next is the file that the next iteration writes.
func (d *disk[T]) next() int {
	i := (d.current + 1) % stateFiles
	if i == d.kept {
		i = (i + 1) % stateFiles
	}
	return i
}

func (d *disk[T]) traffic() (read, written int64) { return d.read, d.written }

func (d *disk[T]) close() error {
	var errs []error
	for _, f := range d.files {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// diskTile is a tile in memory.
type diskTile[T linalg.Float] struct {
	i       int
	state   []T
	scratch []byte // head and sparse part
	err     error
}

func (d *disk[T]) sweep(only reading, visit func(int, []T)) error {
	const inMemory = 3
	free, loaded, done := make(chan *diskTile[T], inMemory), make(chan *diskTile[T], inMemory), make(chan *diskTile[T], inMemory)
	for range inMemory {
		free <- &diskTile[T]{state: make([]T, d.form.arrays()*d.atoms*TileSamples), scratch: make([]byte, d.sparseMax)}
	}
	quit := make(chan struct{})
	go func() {
		defer close(loaded)
		for i := range d.count {
			select {
			case <-quit:
				return
			case t := <-free:
				t.i = i
				t.err = d.load(t)
				loaded <- t
			}
		}
	}()
	failed := make(chan error, 1)
	go func() {
		var first error
		for t := range done {
			if first == nil && only == readWrite {
				first = d.store(t)
			}
			free <- t
		}
		failed <- first
	}()
	var err error
	for t := range loaded {
		if t.err != nil {
			err = t.err
			break
		}
		visit(t.i, t.state)
		done <- t
	}
	close(quit)
	for range loaded { // wait until the reader has ended
	}
	close(done)
	err = errors.Join(err, <-failed)
	if only == readOnly || err != nil {
		return err
	}
	target := d.next()
	if d.sync {
		if err := d.files[target].Sync(); err != nil {
			return fmt.Errorf("scdl: %w", err)
		}
	}
	d.current = target
	d.iteration++
	return nil
}

// load reads a tile of the last iteration.
func (d *disk[T]) load(t *diskTile[T]) error {
	clear(t.state)
	if d.iteration == 0 {
		return nil
	}
	f, id := d.files[d.current], d.first+t.i
	bad := func(format string, args ...any) error {
		return fmt.Errorf("scdl: %s: tile %d: %s", f.Name(), id, fmt.Sprintf(format, args...))
	}
	at := int64(id) * d.slot
	head := t.scratch[:diskHead]
	if _, err := f.ReadAt(head, at); err != nil {
		if errors.Is(err, io.EOF) {
			return bad("the file is too short")
		}
		return bad("%v", err)
	}
	length := int64(binary.LittleEndian.Uint64(head[24:]))
	if string(head[:8]) != diskMagic || binary.LittleEndian.Uint64(head[8:]) != uint64(id) || length < 0 || length > d.sparseMax-diskHead {
		return bad("not the state of a training like this one")
	}
	if k := binary.LittleEndian.Uint64(head[16:]); k != uint64(d.iteration) {
		return bad("of iteration %d, want %d", k, d.iteration)
	}
	sparse, dense := t.scratch[diskHead:diskHead+length], d.dense(t)
	if _, err := f.ReadAt(sparse, at+diskHead); err != nil {
		return bad("%v", err)
	}
	if _, err := f.ReadAt(dense, at+d.sparseMax); err != nil {
		return bad("%v", err)
	}
	if crc32.Update(crc32.Checksum(sparse, castagnoli), castagnoli, dense) != binary.LittleEndian.Uint32(head[32:]) {
		return bad("damaged: the checksum does not fit the content")
	}
	d.read += diskHead + length + int64(len(dense))
	for k := range d.form.sparse() {
		n := d.atoms * TileSamples
		rest, ok := unpack(t.state[k*n:(k+1)*n], sparse)
		if !ok {
			return bad("damaged")
		}
		sparse = rest
	}
	return nil
}

// store writes a tile of the next iteration.
func (d *disk[T]) store(t *diskTile[T]) error {
	f, id := d.files[d.next()], d.first+t.i
	sparse := t.scratch[diskHead:diskHead]
	for k := range d.form.sparse() {
		n := d.atoms * TileSamples
		sparse = pack(sparse, t.state[k*n:(k+1)*n])
	}
	dense := d.dense(t)
	head := t.scratch[:diskHead]
	clear(head)
	copy(head, diskMagic)
	binary.LittleEndian.PutUint64(head[8:], uint64(id))
	binary.LittleEndian.PutUint64(head[16:], uint64(d.iteration+1))
	binary.LittleEndian.PutUint64(head[24:], uint64(len(sparse)))
	binary.LittleEndian.PutUint32(head[32:], crc32.Update(crc32.Checksum(sparse, castagnoli), castagnoli, dense))
	at := int64(id) * d.slot
	if _, err := f.WriteAt(t.scratch[:diskHead+len(sparse)], at); err != nil {
		return fmt.Errorf("scdl: %w", err)
	}
	if _, err := f.WriteAt(dense, at+d.sparseMax); err != nil {
		return fmt.Errorf("scdl: %w", err)
	}
	d.written += int64(diskHead + len(sparse) + len(dense))
	return nil
}

// dense is the memory of the arrays that are not packed.
func (d *disk[T]) dense(t *diskTile[T]) []byte {
	return bytesOf(t.state[d.form.sparse()*d.atoms*TileSamples:])
}

// bytesOf is the memory of a slice as bytes.
func bytesOf[T linalg.Float](x []T) []byte {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), len(x)*linalg.SizeOf[T]())
}

// pack appends numbers that are mostly 0, a multiple of 8 of them: a bit for each number,
// 1 if it is not 0, then the numbers that are not.
func pack[T linalg.Float](to []byte, x []T) []byte {
	bits := len(to)
	to = append(to, make([]byte, len(x)/8)...)
	for i := range x {
		if x[i] != 0 {
			to[bits+i/8] |= 1 << (i % 8)
			to = append(to, bytesOf(x[i:i+1])...)
		}
	}
	return to
}

// unpack is the inverse of pack; x must be zero. It returns the bytes that follow.
func unpack[T linalg.Float](x []T, from []byte) (rest []byte, ok bool) {
	n, size := len(x)/8, linalg.SizeOf[T]()
	if len(from) < n {
		return nil, false
	}
	bits, from := from[:n], from[n:]
	for i := range x {
		if bits[i/8]>>(i%8)&1 != 0 {
			if len(from) < size {
				return nil, false
			}
			copy(bytesOf(x[i:i+1]), from[:size])
			from = from[size:]
		}
	}
	return from, true
}
