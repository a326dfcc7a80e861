package outdir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// LockName is the file of a lock, in the directory that it protects.
const LockName = ".tessera.lock"

// nextSuffix is that of a lock file that is about to take the place of another.
const nextSuffix = ".next"

// Lock is a directory that only this process writes. Release ends it.
type Lock struct {
	path  string
	file  *os.File
	owner Owner
	quit  chan struct{}
	beats sync.WaitGroup
}

// HeldError is a directory, or a file, that another process writes.
type HeldError struct {
	Dir   string // or file
	Owner Owner  // zero if it is not known
}

func (e *HeldError) Error() string {
	who := "another run"
	if e.Owner.Process > 0 {
		who = fmt.Sprintf("%s (process %d on %s since %s)", e.Owner.Command, e.Owner.Process, e.Owner.Host, e.Owner.Since.Format(time.DateTime))
	}
	return fmt.Sprintf("%s is in use by %s: wait until that has ended, or choose another directory with -out", e.Dir, who)
}

// Acquire makes dir, if it does not exist, and locks it. command describes this process to
// others. say, unless nil, gets a line if there will be a wait of half a minute, because the
// owner may be a process of another machine. The error is a *HeldError if another process,
// or another Lock of this one, holds the directory.
func Acquire(dir, command string, say func(string)) (*Lock, error) {
	return machine().acquire(dir, LockName, dir, command, say)
}

// AcquireFile does the same for one file, which need not exist, of a directory that does;
// other files of the directory have locks of their own.
func AcquireFile(path, command string, say func(string)) (*Lock, error) {
	dir, base := filepath.Split(path)
	if _, err := os.Stat(filepath.Clean(dir)); err != nil {
		return nil, err
	}
	return machine().acquire(filepath.Clean(dir), "."+base+LockName, path, command, say)
}

// tries limits how often a lock file may vanish between opening and locking it.
const tries = 100

// acquire takes the lock with a name in dir. what is what it protects.
func (m *host) acquire(dir, name, what, command string, say func(string)) (*Lock, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	l := &Lock{path: filepath.Join(dir, name), owner: m.self(command), quit: make(chan struct{})}
	held := func(o Owner) error { return &HeldError{Dir: what, Owner: o} }
	for range tries {
		f, created, err := openLock(l.path)
		if err != nil {
			return nil, err
		}
		err = m.flock(f)
		exclusive := err == nil
		text, bad := readOwner(f)
		before, known := parseOwner(text)
		switch {
		case errors.Is(err, unix.EWOULDBLOCK):
			f.Close()
			return nil, held(before)
		case !exclusive && !noLocks(err):
			f.Close()
			return nil, fmt.Errorf("locking %s: %w", l.path, err)
		case bad != nil:
			f.Close()
			return nil, bad
		case !created && !isCurrent(f, l.path): // its owner removed it in between
			f.Close()
			continue
		case len(text) > 0 && !known:
			f.Close()
			return nil, fmt.Errorf("%s is not a lock of this program, or damaged: remove it if no run writes to %s", l.path, what)
		}
		foreign := len(text) > 0 && before.Machine != m.id && !(exclusive && m.local(dir))
		switch {
		case foreign || !exclusive && !created && len(text) == 0:
			if say != nil {
				say(fmt.Sprintf("%s was in use by process %d on %s: looking for %.0f s whether that still runs", what, before.Process, before.Host, m.patience.Seconds()))
			}
			if m.changes(l.path, text) {
				f.Close()
				return nil, held(before)
			}
		case !exclusive && !created && m.alive(before):
			f.Close()
			return nil, held(before)
		}
		if err := l.take(f, exclusive || created); err != nil {
			return nil, err
		}
		if foreign || !exclusive && !created {
			// Another process may have come to the same conclusion at the same time.
			time.Sleep(m.settle)
			now, err := os.ReadFile(l.path)
			if o, ok := parseOwner(now); err != nil || !ok || !o.same(l.owner) {
				l.file.Close()
				return nil, held(o)
			}
		}
		l.beats.Go(func() { l.beat(m.beat) })
		return l, nil
	}
	return nil, fmt.Errorf("locking %s: the file was removed again and again", l.path)
}

// changes tells whether a lock file changes while patience lasts.
func (m *host) changes(path string, text []byte) bool {
	for range m.patience / m.look {
		time.Sleep(m.look)
		if now, err := os.ReadFile(path); err != nil || string(now) != string(text) {
			return true
		}
	}
	return false
}

// openLock opens a lock file, or makes one. A link is not followed.
func openLock(path string) (f *os.File, created bool, err error) {
	for range tries {
		f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o666)
		if err == nil {
			return f, true, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, false, err
		}
		f, err = os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return f, false, err
		}
	}
	return nil, false, err
}

// isCurrent tells whether f is still the file at a path.
func isCurrent(f *os.File, path string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Lstat(path)
	return err == nil && os.SameFile(a, b)
}

// take writes the owner into the lock's file: in place, so that the lock on f stays, or
// otherwise as a new file that takes the place of the old one.
func (l *Lock) take(f *os.File, inPlace bool) (err error) {
	l.file = f
	if !inPlace {
		f.Close()
		next := l.path + nextSuffix
		if l.file, err = os.OpenFile(next, os.O_RDWR|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o666); err != nil {
			return err
		}
		defer func() {
			if err == nil {
				err = os.Rename(next, l.path)
			}
		}()
	}
	if err := l.file.Truncate(0); err != nil {
		return errors.Join(err, l.file.Close())
	}
	if _, err := l.file.WriteAt(l.owner.text(0), 0); err != nil {
		return errors.Join(err, l.file.Close())
	}
	return l.file.Sync()
}

// beat shows other machines that the owner is alive, until the lock is released.
func (l *Lock) beat(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-l.quit:
			return
		case <-tick.C:
			_, _ = l.file.WriteAt(l.owner.text(n), 0) // the next one may be written
		}
	}
}

// Release removes the lock. A nil lock has nothing to release.
func (l *Lock) Release() error {
	if l == nil {
		return nil
	}
	close(l.quit)
	l.beats.Wait()
	var err error
	if now, e := os.ReadFile(l.path); e == nil {
		if o, ok := parseOwner(now); ok && o.same(l.owner) {
			err = os.Remove(l.path)
		}
	}
	return errors.Join(err, l.file.Close())
}

// ownerBytes is more than the text of any owner.
const ownerBytes = 4096

// readOwner is the content of a lock file.
func readOwner(f *os.File) ([]byte, error) {
	if st, err := f.Stat(); err != nil {
		return nil, err
	} else if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file: it has the name of the lock of this directory, remove it", f.Name())
	}
	return io.ReadAll(io.NewSectionReader(f, 0, ownerBytes))
}

// flock locks a file for this process, or says that another one has.
func flock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// noLocks tells whether an error of flock means that the file system has no locks.
func noLocks(err error) bool {
	return errors.Is(err, unix.ENOLCK) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL)
}
