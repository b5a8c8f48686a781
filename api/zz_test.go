package api
import "testing"
func TestZZ(t *testing.T){ s:=open(t); t.Log(s.as("admin","PUT","/v1/program",testProgram).text) }
