package api

import "testing"

func agree(t testing.TB, method, path, body string, r *reply) {}
