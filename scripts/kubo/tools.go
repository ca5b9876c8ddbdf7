//go:build tools

// Package kubo pins the IPFS node that the tests run against. scripts/setup builds it from here.
package kubo

import _ "github.com/ipfs/kubo/cmd/ipfs"
