//go:build tools

// Package peers names the programs that tests compare with or build with; go.mod holds their versions.
package peers

import (
	_ "github.com/moby/buildkit/cmd/buildctl"
	_ "github.com/moby/buildkit/cmd/buildkitd"
)
