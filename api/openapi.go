package api

import (
	_ "embed"

	"github.com/valyala/fasthttp"
)

// contract is the API in full, for people and for programs.
//
//go:embed openapi.yaml
var contract []byte

// openapi serves the contract.
func (s *Server) openapi(c *call) *problem {
	c.ctx.Response.Header.SetContentType("application/yaml")
	c.ctx.Response.SetStatusCode(fasthttp.StatusOK)
	c.ctx.Response.SetBody(contract)
	return nil
}
