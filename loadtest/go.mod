module github.com/kopilka/kopilka/loadtest

go 1.26.0

require (
	github.com/HdrHistogram/hdrhistogram-go v1.4.0
	github.com/kopilka/kopilka v0.0.0
	github.com/valyala/fasthttp v1.77.0
)

replace github.com/kopilka/kopilka => ../
