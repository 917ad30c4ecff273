// Package diagnose says why a call to Azure Container Registry failed, and
// what to do about it.
//
// [Explain] turns one error into a [Diagnosis]: a stable code, what was seen of
// this very failure, the likely causes in order with what tells them apart,
// and the fix as commands to paste. It reads the error's chain and nothing
// else: it never makes a request. The rows it chooses from are a table,
// reachable by [Lookup] and [Codes].
//
// [Run] makes the live checks behind `acrkit doctor`: side by side, never
// stopping at the first failure, each with a time limit of its own.
//
// What was seen is kept apart from what is inferred from it: an [Observation]
// is a fact of the failure, and a [Cause] says by its [Certainty] whether the
// evidence proves it. A guess is never worded as a fact.
package diagnose
