package diagnose

import (
	"io/fs"
	"syscall"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
)

var rowsLocal = []Row{
	{
		Code: "DISK_FULL", Kind: KindLocal, Severity: SeverityError,
		Title:   "this machine's disk is full",
		Meaning: "A file could not be written for want of room. What was written before stays, and a transfer goes on from there.",
		Causes:  []Cause{certain("there is no room left, or the user's quota is used up", "the operating system's error")},
		Fix:     []string{"df -h", "make room and run the command again: acrkit transfers list"},
		Retry:   RetryNo,
		match:   file(syscall.ENOSPC, syscall.EDQUOT),
		observe: []observer{observeFile},
	},
	{
		Code: "FILE_DENIED", Kind: KindLocal, Severity: SeverityError,
		Title:   "this user may not use a file or folder of this machine",
		Meaning: "The operating system refused it. The registry was not asked, or has nothing to do with it.",
		Causes: []Cause{
			certain("the file's permissions, or a read-only disk, forbid it", "the operating system's error"),
			inferred("possibly another user made it, as with sudo or in a container", "ls -l"),
		},
		Fix:     []string{"ls -ld {file}"},
		Retry:   RetryNo,
		match:   file(fs.ErrPermission, syscall.EROFS),
		observe: []observer{observeFile},
	},
	{
		Code: "FILE_NOT_FOUND", Kind: KindNotFound, Severity: SeverityError,
		Title:   "there is no such file or folder on this machine",
		Meaning: "A name given on the command line or in the options leads nowhere.",
		Causes:  []Cause{certain("the file or folder does not exist", "the operating system's error")},
		Fix:     []string{"check the name, and the folder that it is relative to"},
		Retry:   RetryNo,
		match:   file(fs.ErrNotExist),
		observe: []observer{observeFile},
	},
	{
		Code: "TOO_MANY_FILES", Kind: KindLocal, Severity: SeverityError,
		Title:   "this program may not open more files",
		Meaning: "Each connection is a file to the operating system, and a process may open so many.",
		Causes:  []Cause{certain("the limit of open files is reached", "the operating system's error")},
		Fix:     []string{"ulimit -n 4096", "move fewer blobs at once: the same command with --concurrency 2"},
		Retry:   RetryNo,
		match:   file(syscall.EMFILE, syscall.ENFILE),
		observe: []observer{observeFile},
	},
	{
		Code: "DIGEST_ALGORITHM_UNSUPPORTED", Kind: KindRequest, Severity: SeverityError,
		Title:   "the digest's algorithm is not sha256",
		Meaning: "Azure's registry has sha256 alone. Nothing was sent.",
		Causes:  []Cause{certain("the digest that was given is of another algorithm", "its first word")},
		Fix:     []string{"give the digest as sha256:<64 hexadecimal digits>"},
		Retry:   RetryNo,
		match: func(ev *evidence) bool {
			return onThisMachine(ev) && ev.is(azcontainerregistry.ErrDigestAlgNotSupported)
		},
		observe: []observer{observeText},
	},

	// What package artifact and the emulator find, and name so themselves.
	{
		Code: "CONTENT_NOT_FOUND", Kind: KindNotFound, Severity: SeverityError,
		Title:   "the layout or archive does not have what was asked for",
		Meaning: "An OCI layout or a tar file was read. It has no such tag, manifest or blob.",
		Causes: []Cause{
			certain("the layout or archive lacks it", "its index was read"),
			inferred("probably the tag is mistyped, or the layout was written without it", "the tags that are shown, or its index.json"),
		},
		Fix:     []string{"acrkit show oci:<dir>"},
		Retry:   RetryNo,
		match:   namesItself("CONTENT_NOT_FOUND"),
		observe: []observer{observeNamed},
	},
	{
		Code: "INVALID_CONTENT", Kind: KindContent, Severity: SeverityError,
		Title:   "the content breaks a rule, and nothing was written because of it",
		Meaning: "Layouts, archives and manifests are checked whole before anything is written.",
		Causes: []Cause{
			certain("the content breaks the rule that is shown", "it was read and compared"),
			inferred("probably it was damaged, cut or made by a faulty program", "make or fetch it again"),
		},
		Fix:     []string{"make or fetch the content again"},
		Retry:   RetryNo,
		match:   namesItself("INVALID_CONTENT"),
		observe: []observer{observeNamed},
	},
	{
		Code: "EXISTS", Kind: KindConflict, Severity: SeverityError,
		Title:   "the tag exists already, and was to be kept",
		Meaning: "The option says not to move a tag that points to something else.",
		Causes:  []Cause{certain("the tag points to another manifest", "it was looked up")},
		Fix:     []string{"choose another tag, or leave --no-clobber out"},
		Retry:   RetryNo,
		match:   namesItself("EXISTS"),
		observe: []observer{observeNamed},
	},
	{
		Code: "IN_USE", Kind: KindLocal, Severity: SeverityError,
		Title:   "another process works on the same thing",
		Meaning: "A folder or a transfer belongs to one process at a time.",
		Causes:  []Cause{certain("another process holds it", "its lock")},
		Fix:     []string{"wait for the other process, or end it"},
		Retry:   RetryNo,
		match:   namesItself("IN_USE"),
		observe: []observer{observeNamed},
	},
	{
		Code: "PLAN_OUTDATED", Kind: KindConflict, Severity: SeverityError,
		Title:   "what was planned for has changed, and nothing was done",
		Meaning: "A plan says what it expects to find, and is applied only where it finds just that.",
		Causes: []Cause{
			certain("the registry holds something else than the plan says", "both were compared"),
			inferred("probably somebody pushed or deleted meanwhile", "the times in acrkit show"),
		},
		Fix:     []string{"make the plan again and read it"},
		Retry:   RetryNo,
		match:   namesItself("PLAN_OUTDATED"),
		observe: []observer{observeNamed},
	},
}

var rowsCommand = []Row{
	{
		Code: "USAGE", Kind: KindRequest, Severity: SeverityError,
		Title:   "the command line can't mean anything, and nothing was done",
		Meaning: "A command, a flag or a reference is mistyped or missing.",
		Causes:  []Cause{certain("the command line breaks the rule that is shown", "the command looked before it acted")},
		Fix:     []string{"the same command with --help shows what it takes"},
		Retry:   RetryNo,
	},
	{
		Code: "FAILED", Kind: KindUnknown, Severity: SeverityError,
		Title:   "the command failed for a reason of its own",
		Meaning: "No registry's answer and no row of this catalogue is behind it; the message says all that is known.",
		Causes:  []Cause{certain("the message names the failure", "the command looked before it acted")},
		Fix:     []string{"run the same command with --debug"},
		Retry:   RetryNo,
	},
	{
		Code: "LOCKED", Kind: KindConflict, Severity: SeverityError,
		Title:   "what was to be changed is locked, and nothing was done",
		Meaning: "A lock is somebody's decision. It is named, and never taken away silently.",
		Causes:  []Cause{certain("its attributes forbid the change", "the command looked before it acted")},
		Fix:     []string{"acrkit <repo|tag|manifest> unlock <reference>"},
		Retry:   RetryNo,
	},
	{
		Code: "OTHER_TAGS", Kind: KindConflict, Severity: SeverityError,
		Title:   "the manifest has other tags, and nothing was done",
		Meaning: "Deleting a tag takes the manifest along only when it has no other tag.",
		Causes:  []Cause{certain("the manifest has the other tags that are shown", "the command looked before it acted")},
		Fix:     []string{"acrkit tag untag <reference>", "acrkit manifest delete <repository>@<digest>"},
		Retry:   RetryNo,
	},
	{
		Code: "NOTHING_DELETED", Kind: KindNotFound, Severity: SeverityError,
		Title:   "nothing that fits is soft-deleted there",
		Meaning: "Soft delete keeps what was deleted for some days, where its policy is on.",
		Causes:  []Cause{certain("the registry lists nothing soft-deleted that fits", "the command looked before it acted")},
		Fix:     []string{"acrkit manifest list --deleted <registry>/<repository>"},
		Retry:   RetryNo,
	},
	{
		Code: "PARTLY_DONE", Kind: KindInterrupted, Severity: SeverityError,
		Title:   "part of the work was not done",
		Meaning: "What succeeded stays. Running the command again does the rest.",
		Causes:  []Cause{certain("the failures that are shown", "the command looked before it acted")},
		Fix:     []string{"acrkit transfers list"},
		Retry:   RetryNo,
	},
	{
		Code: "INTERRUPTED", Kind: KindInterrupted, Severity: SeverityInfo,
		Title:   "the work was interrupted, and can go on",
		Meaning: "A signal ended it. What was done is remembered.",
		Causes:  []Cause{certain("the command received a signal", "the command looked before it acted")},
		Fix:     []string{"acrkit transfers list", "acrkit transfers resume <id>"},
		Retry:   RetryNo,
	},
}
