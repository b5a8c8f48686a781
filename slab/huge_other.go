//go:build !linux

package slab

// large asks for large pages of memory under a block, where there is a way to ask.
func large([]byte) {}
