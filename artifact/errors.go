package artifact

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// ErrNotFound matches every [*NotFoundError].
var ErrNotFound = errors.New("not found")

// ErrInvalid matches every [*InvalidError].
var ErrInvalid = errors.New("invalid content")

// NotFoundError says that a local store (a layout, an archive, memory) has no
// such reference or content. A registry fails with its own errors instead.
type NotFoundError struct {
	Store string   // name of the store, "oci:out"
	Thing string   // what is missing, "tag v2" or "blob sha256:…"
	Known []string // what is there instead, when that is short enough to say
	// Code is the diagnosis that fits better than CONTENT_NOT_FOUND, if one does.
	Code string
}

// Error names the store and what it lacks.
func (e *NotFoundError) Error() string {
	msg := e.Store + ": no " + e.Thing
	if len(e.Known) > 0 {
		msg += " (there is " + strings.Join(e.Known, ", ") + ")"
	}
	return msg
}

// Is matches [ErrNotFound].
func (e *NotFoundError) Is(target error) bool { return target == ErrNotFound }

// DiagnosisCode names the error in the catalogue of package diagnose.
func (e *NotFoundError) DiagnosisCode() string { return codeOr(e.Code, "CONTENT_NOT_FOUND") }

// InvalidError says that content breaks a rule: a corrupt layout or archive, a
// manifest that cannot be true, a graph without end. Nothing was written
// because of it.
type InvalidError struct {
	Store string // name of the store that held it, may be empty
	Thing string // what is wrong: a file of an archive, a digest, a reference
	Rule  string // the rule that it breaks
	Err   error  // the cause, if there is one
	// Code is the diagnosis that fits better than INVALID_CONTENT, if one does.
	Code string
}

// Error names the thing and the rule.
func (e *InvalidError) Error() string {
	var b strings.Builder
	if e.Store != "" {
		b.WriteString(e.Store + ": ")
	}
	b.WriteString(e.Thing + ": " + e.Rule)
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Is matches [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// DiagnosisCode names the error in the catalogue of package diagnose.
func (e *InvalidError) DiagnosisCode() string { return codeOr(e.Code, "INVALID_CONTENT") }

// Unwrap gives the cause.
func (e *InvalidError) Unwrap() error { return e.Err }

// The diagnoses of what is neither missing nor broken content.
const (
	codeTagMissing      = "LAYOUT_TAG_NOT_FOUND"      // a layout or archive has no such name
	codeTransferMissing = "TRANSFER_NOT_FOUND"        // the journal has no such entry
	codePlatformMissing = "PLATFORM_NOT_IN_IMAGE"     // the image has nothing for the platform
	codeNotLayout       = "NOT_A_LAYOUT"              // the folder holds something else, or nothing
	codeFolderNotEmpty  = "FOLDER_NOT_EMPTY"          // the target folder holds something else
	codeArchiveBroken   = "ARCHIVE_UNREADABLE"        // no tar, or the end is missing
	codeNotForDocker    = "DOCKER_ARCHIVE_UNSUITABLE" // docker's format cannot hold it
	codePlanUnreadable  = "PLAN_UNREADABLE"           // the file is no plan, or another's
	codeOptionInvalid   = "OPTION_INVALID"            // what was given breaks a rule
	codeJournalDamaged  = "JOURNAL_DAMAGED"           // an entry of the journal can't be read
	codeUnsuitable      = "CONTENT_UNSUITABLE"        // sound content of another kind than is worked on
	codeSeveralImages   = "SEVERAL_IMAGES"            // a name means more than one
	codeUnreadable      = "RESPONSE_UNREADABLE"       // a response lacks what it is for
	codeDigestMismatch  = "DIGEST_MISMATCH"           // other bytes than were asked for
	codeSizeMismatch    = "SIZE_MISMATCH"             // more or fewer bytes than were announced
)

func codeOr(code, otherwise string) string {
	if code == "" {
		return otherwise
	}
	return code
}

// InUseError says that another process works on the same thing.
type InUseError struct {
	Thing string // the journal entry or the folder
}

// Error names what is in use.
func (e *InUseError) Error() string { return e.Thing + " is in use by another process" }

// DiagnosisCode names the error in the catalogue of package diagnose.
func (e *InUseError) DiagnosisCode() string { return "IN_USE" }

// ChangedError says that a plan no longer applies, because what it was made
// from has changed since. Nothing was written.
type ChangedError struct {
	Reference    string // the reference that changed
	Planned, Now string // digests; Planned may be empty for "did not exist"
}

// Error tells what the plan saw and what is there now.
func (e *ChangedError) Error() string {
	return fmt.Sprintf("%s has changed since the plan was made: it was %s, it is %s; make a new plan",
		e.Reference, orNothing(e.Planned), orNothing(e.Now))
}

// DiagnosisCode names the error in the catalogue of package diagnose.
func (e *ChangedError) DiagnosisCode() string { return "PLAN_OUTDATED" }

func orNothing(digest string) string {
	if digest == "" {
		return "not there"
	}
	return digest
}

// PartialError says that a sync did not bring over everything. What succeeded
// stays, and running the sync again does the rest.
type PartialError struct {
	Failed, Total int     // images, and repositories whose images are not known
	Errs          []error // one each that failed, naming it
}

// Error gives the counts and the first cause.
func (e *PartialError) Error() string {
	return fmt.Sprintf("%d of %d images not copied, first: %v", e.Failed, e.Total, e.Errs[0])
}

// Unwrap gives the causes.
func (e *PartialError) Unwrap() []error { return e.Errs }

func isNotFound(err error) bool {
	return errors.Is(err, ErrNotFound) || isRegistryNotFound(err)
}

// isDenied reports that the registry lets this credential not do that.
func isDenied(err error) bool {
	return hasStatus(err, http.StatusUnauthorized) || hasStatus(err, http.StatusForbidden)
}
