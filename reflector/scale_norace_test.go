//go:build !race

package reflector

const crowdRoutes = 100_000
