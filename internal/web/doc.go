// Package web is how daemons answer over HTTP.
//
// What I am: the form of an answer: arrays that are written as they are found, refusals,
// health.
//
// What I take: elements, errors, checks.
//
// What I give: JSON, and lines as Kubernetes' own endpoints have them.
//
// What I promise: a list costs no memory, however long; what breaks off does not look
// complete.
//
// What I refuse: to know what is asked.
package web
