.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help build run demo gallery screenshots generate test race fuzz crash bench replica api baseline fmt lint
.PHONY: clean npm browser

QUEUE     ?= embedded
FUZZTIME  ?= 30s
BENCHTIME ?= 2s
ROUNDS    ?= 50
BENCH     ?= .

version := $(shell git describe --tags --always --dirty 2>/dev/null)
go_build := CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(version)'

# checkptr looks for wrong uses of unsafe, which is all that SQLite in Go is made of: it takes a third of the time.
race := CGO_ENABLED=1 go test -race -gcflags='modernc.org/...=-d=checkptr=0'

templates := $(shell find web -name node_modules -prune -o -name '*.templ' -print)
generated := $(templates:.templ=_templ.go)
found     := $(shell find web -name node_modules -prune -o -name '*_templ.go' -print)
# The folders are listed as well: a file that is taken away changes nothing but its folder.
styling   := $(shell find web/styles web/scripts web/icons web/docs/img) web/build.mjs \
	$(shell find web/ui web/page -name '*.go' ! -name '*_templ.go' ! -name '*_test.go')

npm_done   := web/node_modules/.installed
templ_done := web/.build/templ
assets     := web/dist/manifest.json

help: ## show this
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-10s %s\n", $$1, $$2 }'

build: generate ## build bin/dlqdesk, one static binary
	$(go_build) -o bin/dlqdesk ./cmd/dlqdesk

run: build data/dlqdesk.yaml ## build it and start it on http://127.0.0.1:8080
	@bin/dlqdesk serve --config data/dlqdesk.yaml

data/dlqdesk.yaml:
	@mkdir -p data
	cp cmd/dlqdesk/example.yaml $@

demo: build npm ## run it beside a failing destination and a sender; QUEUE=sqs puts an SQS server between
	$(go_build) -o bin/demo ./cmd/demo
	@bin/demo -queue $(QUEUE)

gallery: generate ## show every page in every state on http://127.0.0.1:8090, without a store
	@go run ./cmd/gallery

screenshots: generate browser ## write the pictures of the manual into web/docs/img, from the gallery
	@go run ./cmd/gallery -screenshots web/docs/img

generate: $(templ_done) $(assets) ## make what is not in the repository: Go from templates, assets for the browser

npm: $(npm_done)

$(npm_done): web/package.json web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	@touch $@

# A generated file that is missing, or whose template is gone, is nothing that the stamp knows of.
$(templ_done): $(templates) $(if $(filter-out $(found),$(generated))$(filter-out $(generated),$(found)),always)
	go tool templ generate -path web
	@mkdir -p $(@D)
	@touch $@

.PHONY: always
always:

# The styles hold the classes that templates and their Go use, so they are built anew with these.
$(assets): $(npm_done) $(styling) $(templates)
	cd web && npm run --silent build
	@touch $@

browser:
	@.ci/install

test: generate browser ## run everything: vet, and every test under the race detector, the browser's included
	go vet ./...
	$(race) -shuffle=on -timeout 20m ./...

race: generate ## run the tests of PKG under the race detector, again and again
	$(race) -shuffle=on -count=5 -timeout 30m $(or $(PKG),./internal/...)

fuzz: generate ## run every fuzz target for FUZZTIME each
	@grep -rl --include='*_test.go' '^func Fuzz' cmd internal | xargs -n 1 dirname | sort -u | while read -r dir; do \
		for target in $$(grep -ho '^func Fuzz[A-Za-z0-9_]*' "$$dir"/*_test.go | cut -d' ' -f2); do \
			echo "$$dir $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "./$$dir" || exit 1; \
		done; \
	done

crash: generate ## kill the program ROUNDS times under load, and look for everything that it had confirmed
	go test -run '^TestKilledProcess' -count 1 -v -timeout 30m ./internal/acceptance -crash.rounds $(ROUNDS)

# Each in a process of its own: what one leaves in memory would bound the next.
bench: generate ## measure the product beside others, ingest, jobs, pages; BENCH=Million: memory and disk with a million messages
	@go test -list . ./internal/bench | grep '^Benchmark' | grep -E '$(BENCH)' | grep -v '$(if $(filter .,$(BENCH)),Million,^$$)' | while read -r name; do \
		go test -run '^$$' -bench "^$$name\$$" -benchtime $(BENCHTIME) -timeout 60m ./internal/bench $(ARGS) || exit 1; \
	done

replica: generate ## prove that a Litestream replica restores (the first run builds Litestream, in some minutes)
	go build -modfile=.tools/litestream.mod -o bin/litestream github.com/benbjohnson/litestream/cmd/litestream
	$(race) -tags litestream -run Litestream ./internal/acceptance

api: generate ## check that clients of the published API (internal/api/testdata/openapi.json) work with the present one
	go test -count 1 -run '^TestDocument|^TestBreaking' ./internal/api

baseline: generate ## publish the present API: later ones are checked against it
	go test -count 1 -run '^TestDocumentBreaksNoClient$$' ./internal/api -args -publish

# The linter's own dependencies, some two hundred, are in a module file of their own, so that they never choose our versions.
fmt: ## format Go: gofumpt, lines of 120 columns
	go tool -modfile=.tools/go.mod golangci-lint fmt

lint: generate ## hold style and import rules (the first run builds the linter, in a minute or two)
	go tool -modfile=.tools/go.mod golangci-lint run

clean: ## take away what was built; data stays
	rm -rf bin web/dist web/.build web/node_modules
	find web -name '*_templ.go' -delete
