//go:build race

package reflector

// The race detector makes the test twenty times slower, and it has one goroutine.
const crowdRoutes = 10_000
