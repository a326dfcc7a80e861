package config

import "reflect"

// Changed tells whether the config or a -set gives a key another value than its default. It
// is for use after Decode.
func (f *File) Changed(key string) bool {
	return f.Has(key) && !reflect.DeepEqual(f.effective[key], f.defaults[key])
}

// FromSet tells whether the value of a key is from a -set.
func (f *File) FromSet(key string) bool {
	_, ok := f.find(key).(setting)
	return ok
}

// Unused records a problem for every one of the keys that is Changed, as the run would ignore
// it; because is its text: `blur.kind = "box" does not use this key: remove it`. A config that lists the
// defaults of all keys is thus accepted. So is a key of the file where one of the choices,
// the keys that decide which others are used, is from -set: it belongs to the choice in the
// file, and Encode leaves it out.
func (f *File) Unused(choices, keys []string, because string) {
	chosen := false
	for _, c := range choices {
		chosen = chosen || f.FromSet(c)
	}
	for _, key := range keys {
		switch {
		case !f.Changed(key):
		case chosen && !f.FromSet(key):
			f.Drop(key)
		default:
			f.Fail(key, "%s", because)
		}
	}
}

// Drop leaves a key that has no effect out of the values in force and of what Encode writes.
func (f *File) Drop(key string) { delete(f.effective, key) }
