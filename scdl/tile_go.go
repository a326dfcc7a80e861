//go:build !native || !cgo

package scdl

func (t *tiles[T]) tile(state []T) { t.tilePlain(state) }

func (c *coder[T]) code() { c.codePlain() }
