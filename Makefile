# Two commands for a newcomer: make run, make test.

GO ?= go
BIN := .bin

.PHONY: run serve test race damage linear bench bench-peers loadtest tidy build clean

run: build ## a made-up chain with a year of trade; prints what to try
	$(BIN)/kopilka demo

serve: build ## a server on ./data
	$(BIN)/kopilka serve

build:
	$(GO) build -o $(BIN)/kopilka ./cmd/kopilka

test: ## everything that is proved on every change
	$(GO) vet ./... ./loadtest/... ./bench/rivals/...
	@test -d ../shared/data || echo "SKIPPED: there is no ../shared/data beside the checkout; tests on real receipts do not run (docs/testing.md)"
	$(GO) test ./... ./loadtest/... ./bench/rivals/...

race: ## the same under the race detector
	$(GO) test -race -short ./...

damage: ## thousands of damages to folders and backups; KOPILKA_SEED repeats a round
	KOPILKA_DAMAGE=$${KOPILKA_DAMAGE:-25} $(GO) test -run TestDamage -count=1 -v -timeout 60m ./cmd/kopilka

linear: ## histories of tills while the server is killed, judged by Porcupine; KOPILKA_LINEAR is how many
	KOPILKA_LINEAR=$${KOPILKA_LINEAR:-200} $(GO) test -run TestLinear -count=1 -v -timeout 60m ./cmd/kopilka

bench: ## benchmarks at the size of KOPILKA_BENCH_MEMBERS, default 10 million
	KOPILKA_BENCH_MEMBERS=$${KOPILKA_BENCH_MEMBERS:-10000000} $(GO) test -run '^$$' -bench . -benchmem -timeout 30m ./bench

loadtest: build ## durable accruals against a bare echo, by turns, and the books checked
	$(GO) build -o $(BIN)/kopilka-loadtest ./loadtest
	$(BIN)/kopilka-loadtest --serve $(BIN)/kopilka --closed --connections 64 --echo --rounds 5

bench-peers: build ## the same durable commands at PostgreSQL and Redis, where installed, by turns
	$(GO) build -o $(BIN)/kopilka-rivals ./bench/rivals
	$(BIN)/kopilka-rivals --kopilka $(BIN)/kopilka $(PEERS)

tidy: ## go.mod as it should be; see go.work about go-brrr
	$(GO) mod edit -replace github.com/molecule-man/go-brrr=github.com/molecule-man/go-brrr@v1.0.1
	GOWORK=off $(GO) mod tidy
	$(GO) mod edit -dropreplace github.com/molecule-man/go-brrr

clean:
	rm -rf $(BIN)
