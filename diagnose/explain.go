package diagnose

// Explain says what err means. It reports false when no row of the catalogue
// fits; the diagnosis then has the code UNKNOWN_FAILURE and still shows what
// was seen. For a nil error the diagnosis is empty.
//
// Everything it says comes from the error's chain: the
// [*azcore.ResponseError], its request and response, the errors of net, tls
// and x509, the errors of credentials by their text, and this module's own
// error types. It makes no request, reads no file and never panics, whatever
// the error's own methods do. It may be called concurrently.
//
// [*azcore.ResponseError]: https://pkg.go.dev/github.com/Azure/azure-sdk-for-go/sdk/azcore#ResponseError
func Explain(err error) (Diagnosis, bool) {
	if err == nil {
		return Diagnosis{}, false
	}
	ev := gather(err)
	row := choose(ev)
	return row.diagnosis(ev), row.Code != CodeUnknownFailure
}
