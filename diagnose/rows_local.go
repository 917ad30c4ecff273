package diagnose

import (
	"io/fs"
	"syscall"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
)

// diagnosable is an error that names its row itself, since this package does
// not know the package that it is of.
type diagnosable interface {
	error
	// DiagnosisCode returns a code of the catalogue.
	DiagnosisCode() string
}

// namesItself matches an error that names this row.
func namesItself(code string) func(*exchange) bool {
	return func(x *exchange) bool {
		e, ok := find[diagnosable](x)
		return ok && onThisMachine(x) && e.DiagnosisCode() == code
	}
}

// onThisMachine reports whether neither a server, nor the network, nor a
// credential has to do with a failure.
func onThisMachine(x *exchange) bool {
	return x.status == 0 && x.transport.kind == "" && x.entra.kind == "" && x.library.kind == "" && !ofCredential(x)
}

// file matches a failure of the file system, by the operating system's error.
func file(causes ...error) func(*exchange) bool {
	return func(x *exchange) bool {
		if _, is := find[diagnosable](x); is || !onThisMachine(x) {
			return false
		}
		for _, cause := range causes {
			if x.is(cause) {
				return true
			}
		}
		return false
	}
}

// sawNamed shows the words of an error that names its row, and sawFile those of
// the file system.
var (
	sawNamed sight = func(x *exchange, see func(Origin, string, ...any)) {
		if e, ok := find[diagnosable](x); ok {
			see(FromClient, "%s", e.Error())
		}
	}
	sawFile sight = func(x *exchange, see func(Origin, string, ...any)) {
		see(FromMachine, "%s", x.err.Error())
	}
)

// localRow builds a row about this machine's own files.
func localRow(code string, kind Kind, title, meaning string, causes []Cause, fix []string, match func(*exchange) bool, see sight) Row {
	return Row{
		Code: code, Kind: kind, Severity: SeverityError, Title: title, Meaning: meaning,
		Causes: causes, Fix: fix, Retry: RetryNo, match: match, see: []sight{see},
	}
}

var rowsLocal = []Row{
	localRow("DISK_FULL", KindLocal, "this machine's disk is full",
		"A file could not be written for want of room. What was written before stays, and a transfer goes on from there.",
		[]Cause{certain("there is no room left, or the user's quota is used up", "the operating system's error")},
		[]string{"df -h", "make room and run the command again: acrkit transfers list"},
		file(syscall.ENOSPC, syscall.EDQUOT), sawFile),
	localRow("FILE_DENIED", KindLocal, "this user may not use a file or folder of this machine",
		"The operating system refused it. The registry was not asked, or has nothing to do with it.",
		[]Cause{
			certain("the file's permissions, or a read-only disk, forbid it", "the operating system's error"),
			inferred("possibly another user made it, as with sudo or in a container", "ls -l"),
		},
		[]string{"ls -ld <file>"},
		file(fs.ErrPermission, syscall.EROFS), sawFile),
	localRow("FILE_NOT_FOUND", KindNotFound, "there is no such file or folder on this machine",
		"A name given on the command line or in the options leads nowhere.",
		[]Cause{certain("the file or folder does not exist", "the operating system's error")},
		[]string{"check the name, and the folder that it is relative to"},
		file(fs.ErrNotExist), sawFile),
	localRow("TOO_MANY_FILES", KindLocal, "this program may not open more files",
		"Each connection is a file to the operating system, and a process may open so many.",
		[]Cause{certain("the limit of open files is reached", "the operating system's error")},
		[]string{"ulimit -n 4096", "move fewer blobs at once: --jobs 2"},
		file(syscall.EMFILE, syscall.ENFILE), sawFile),
	localRow("DIGEST_ALGORITHM_UNSUPPORTED", KindRequest, "the digest's algorithm is not sha256",
		"Azure's registry has sha256 alone. Nothing was sent.",
		[]Cause{certain("the digest that was given is of another algorithm", "its first word")},
		[]string{"give the digest as sha256:<64 hexadecimal digits>"},
		func(x *exchange) bool {
			return onThisMachine(x) && x.is(azcontainerregistry.ErrDigestAlgNotSupported)
		}, sawText),

	// What package artifact and the emulator find, and name so themselves.
	localRow("CONTENT_NOT_FOUND", KindNotFound, "the layout or archive does not have what was asked for",
		"An OCI layout or a tar file was read. It has no such tag, manifest or blob.",
		[]Cause{
			certain("the layout or archive lacks it", "its index was read"),
			inferred("probably the tag is mistyped, or the layout was written without it", "the tags that are shown, or its index.json"),
		},
		[]string{"acrkit show oci:<dir>"},
		namesItself("CONTENT_NOT_FOUND"), sawNamed),
	localRow("INVALID_CONTENT", KindContent, "the content breaks a rule, and nothing was written because of it",
		"Layouts, archives and manifests are checked whole before anything is written.",
		[]Cause{
			certain("the content breaks the rule that is shown", "it was read and compared"),
			inferred("probably it was damaged, cut or made by a faulty program", "make or fetch it again"),
		},
		[]string{"make or fetch the content again"},
		namesItself("INVALID_CONTENT"), sawNamed),
	localRow("EXISTS", KindConflict, "the tag exists already, and was to be kept",
		"The option says not to move a tag that points to something else.",
		[]Cause{certain("the tag points to another manifest", "it was looked up")},
		[]string{"choose another tag, or leave --no-clobber out"},
		namesItself("EXISTS"), sawNamed),
	localRow("IN_USE", KindLocal, "another process works on the same thing",
		"A folder or a transfer belongs to one process at a time.",
		[]Cause{certain("another process holds it", "its lock")},
		[]string{"wait for the other process, or end it"},
		namesItself("IN_USE"), sawNamed),
	localRow("PLAN_OUTDATED", KindConflict, "what was planned for has changed, and nothing was done",
		"A plan says what it expects to find, and is applied only where it finds just that.",
		[]Cause{
			certain("the registry holds something else than the plan says", "both were compared"),
			inferred("probably somebody pushed or deleted meanwhile", "the times in acrkit show"),
		},
		[]string{"make the plan again and read it"},
		namesItself("PLAN_OUTDATED"), sawNamed),
}

// commandRow builds a row for what the command finds by itself, without an
// error of a registry.
func commandRow(code string, kind Kind, severity Severity, title, meaning, cause string, fix ...string) Row {
	return Row{
		Code: code, Kind: kind, Severity: severity, Title: title, Meaning: meaning,
		Causes: []Cause{certain(cause, "the command looked before it acted")}, Fix: fix, Retry: RetryNo,
	}
}

var rowsCommand = []Row{
	commandRow("USAGE", KindRequest, SeverityError, "the command line can't mean anything, and nothing was done",
		"A command, a flag or a reference is mistyped or missing.",
		"the command line breaks the rule that is shown", "the same command with --help shows what it takes"),
	commandRow("FAILED", KindUnknown, SeverityError, "the command failed for a reason of its own",
		"No registry's answer and no row of this catalogue is behind it; the message says all that is known.",
		"the message names the failure", "run the same command with --debug"),
	commandRow("LOCKED", KindConflict, SeverityError, "what was to be changed is locked, and nothing was done",
		"A lock is somebody's decision. It is named, and never taken away silently.",
		"its attributes forbid the change", "acrkit <repo|tag|manifest> unlock <reference>"),
	commandRow("OTHER_TAGS", KindConflict, SeverityError, "the manifest has other tags, and nothing was done",
		"Deleting a tag takes the manifest along only when it has no other tag.",
		"the manifest has the other tags that are shown", "acrkit tag untag <reference>", "acrkit manifest delete <repository>@<digest>"),
	commandRow("NOTHING_DELETED", KindNotFound, SeverityError, "nothing that fits is soft-deleted there",
		"Soft delete keeps what was deleted for some days, where its policy is on.",
		"the registry lists nothing soft-deleted that fits", "acrkit manifest list --deleted <registry>/<repository>"),
	commandRow("PARTLY_DONE", KindInterrupted, SeverityError, "part of the work was not done",
		"What succeeded stays. Running the command again does the rest.",
		"the failures that are shown", "acrkit transfers list"),
	commandRow("INTERRUPTED", KindInterrupted, SeverityInfo, "the work was interrupted, and can go on",
		"A signal ended it. What was done is remembered.",
		"the command received a signal", "acrkit transfers list", "acrkit transfers resume <id>"),
}
