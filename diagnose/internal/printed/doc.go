// Package printed reads what other tools print: the output of docker, kubelet,
// helm, the Azure command line and others. It finds the failures in a text, by
// a table of the tools' own phrasings, and takes the names out of it: registry,
// repository, reference, address. What a failure means is the catalogue's
// business; here it is a code.
//
// Everything is bounded and takes time in proportion to the text. Nothing here
// makes a request, and nothing reads but the reader given.
package printed
