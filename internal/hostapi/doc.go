// Package hostapi is the agent's face over HTTP: the JSON that `heddle-agent show`
// prints, its health, its metrics.
//
// What I am: the one who asks the agent on behalf of people and monitors.
//
// What I take: a State, whenever somebody asks.
//
// What I give: /api/v1/…, /livez, /readyz, /metrics.
//
// What I promise: a list is written as it is found; an agent that waits for its
// inventory answers that.
//
// What I refuse: to change anything.
package hostapi
