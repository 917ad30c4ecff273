// Package cosign runs cosign's own library against the emulator: what the
// commands sign, attest, attach, verify, tree, save, load and copy do with a key
// in a file and no transparency log. It is a module of its own, so that the
// library's dependencies stay out of the others.
package cosign
