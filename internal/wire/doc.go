// Package wire parses and writes what registries and clients put into headers
// and bodies: challenges, links, ranges, waiting times, error bodies, tokens and
// JSON. It does no input or output and knows no client.
package wire
