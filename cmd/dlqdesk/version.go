package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the linker: -X main.version=…
var version string

type versionCmd struct{}

func (versionCmd) Run(p program) error {
	_, err := fmt.Fprintf(
		p.stdout,
		"dlqdesk %s (%s %s/%s)\n",
		buildVersion(),
		runtime.Version(),
		runtime.GOOS,
		runtime.GOARCH,
	)
	return err
}

// buildVersion falls back on what `go install` records.
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}
