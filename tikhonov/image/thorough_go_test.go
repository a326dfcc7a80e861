//go:build !native || !cgo

package image

// thorough runs every method on every number of ranks in the tests that would take
// minutes in plain Go.
const thorough = false
