package diagnose

// ExplainableCodes lists the rows that Explain can choose; the others are for
// live checks alone.
func ExplainableCodes() []string {
	var codes []string
	for _, r := range rows {
		if r.match != nil {
			codes = append(codes, r.Code)
		}
	}
	return codes
}

// Matching lists every row of the chosen rank that fits err.
func Matching(err error) []string {
	x := gather(err)
	rank := choose(x).rank
	var codes []string
	for _, r := range rows {
		if r.rank == rank && r.matches(x) {
			codes = append(codes, r.Code)
		}
	}
	return codes
}

// FactNames lists the words that a template may hold.
var FactNames = factNames

// LostUpload is what the push probe finds when bytes that were acknowledged are
// not there.
var LostUpload error = &uploadLostError{"0-0", "0-2047"}
