// Package transfer moves the bytes of one blob: in which chunks or ranges, in
// which order, what is tried again after which fault, and what is hashed meanwhile.
// It knows no HTTP: a registry is the two small interfaces [Uploads] and
// [Ranges], and whoever implements them says of each failure which [Class] of
// fault it is.
package transfer
