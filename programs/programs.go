// Package programs holds the programs that are shipped with Kopilka: documents
// to begin with, each whole and fit to be put in force as it is.
//
//	uds-rustore.yaml            four tiers, welcome, three circles of referral,
//	                            birthday certificates: electronics; what a new
//	                            folder takes when it is given none
//	locards-blokpost.yaml       two cards by segment, earning by segment, a plan
//	                            for cashiers: outdoor and workwear
//	bestconnect-kristall.yaml   certificates by any date of the year, eight years
//	                            of history: jewellery
//	workabox.yaml               discount cards, gift certificates, coupons and no
//	                            points: a small shop
//	onlineretail.yaml           segments for the UCI Online Retail receipts
package programs

import "embed"

// Files has every shipped document under its file name.
//
//go:embed *.yaml
var Files embed.FS
