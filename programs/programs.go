// Package programs holds the programs that are shipped with Kopilka: documents
// to begin with, each whole and fit to be put in force as it is.
//
//	kopilka.yaml        a modest four-tier program: what a new folder takes
//	                    when it is given none
//	onlineretail.yaml   segments for the UCI Online Retail receipts
package programs

import "embed"

// Files has every shipped document under its file name.
//
//go:embed *.yaml
var Files embed.FS
