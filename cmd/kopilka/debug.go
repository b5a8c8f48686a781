package main

import (
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof" // on the default mux, which nothing else serves
)

// debugListen serves Go's profiles on an address of its own, for the engineer
// who is paged at night. They show what the process does and not whom it serves.
func debugListen(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("--debug-listen: %w", err)
	}
	go http.Serve(l, nil)
	return nil
}
