package diagnose

import azcontainerregistry "github.com/acrkit/azcontainerregistry"

var rowsLibrary = []Row{
	{
		Code: "ARGUMENT_INVALID", Kind: KindRequest, Severity: SeverityError,
		Title:   "{argument} is not valid, and nothing was sent",
		Meaning: "The library checks what it is given before it sends anything.",
		Causes:  []Cause{certain("{argument} breaks the rule that is shown", "the library's own check")},
		Fix:     []string{"correct {argument}"},
		Retry:   RetryNo, Link: linkErrors,
		match: found(libraryArgument),
		see:   []sight{sawOwn},
	},
	{
		Code: "DIGEST_MISMATCH", Kind: KindContent, Severity: SeverityError,
		Title: "the content does not have the digest that was asked for",
		Meaning: "Every byte that arrives is hashed, and the digest compared. Content that does not fit is never handed over as " +
			"done.",
		Causes: []Cause{
			certain("the bytes that were read have another digest", "the library hashed them"),
			inferred("probably something on the way altered or cut the content", "fetch it by another network and compare"),
			inferred("possibly the digest that was given is another content's", "acrkit show names the digests of an image"),
		},
		Fix:   []string{"fetch it again", "acrkit doctor {host}/{repository}"},
		Retry: RetryRestart, Link: linkErrors,
		match: found(libraryDigest),
		see:   []sight{sawOwn},
	},
	{
		Code: "SIZE_MISMATCH", Kind: KindContent, Severity: SeverityError,
		Title:   "the content is longer or shorter than was said",
		Meaning: "A size was given, by the caller, by a descriptor or by the registry, and the content has another one. It is never handed over as done.",
		Causes: []Cause{
			certain("the content has another size than was said", "the library counted the bytes"),
			inferred("probably the source changed while it was sent, or something on the way cut the content", "its size before and after"),
		},
		Fix:   []string{"try again, with a source that nobody writes to"},
		Retry: RetryRestart, Link: linkErrors,
		match: found(librarySize),
		see:   []sight{sawOwn},
	},
	{
		Code: "SOURCE_CHANGED", Kind: KindContent, Severity: SeverityError,
		Title:   "the source of an upload changed while it was sent",
		Meaning: "After a fault the library read the source again, and it gave other bytes. The upload was given up: no blob is made of a mixture.",
		Causes: []Cause{
			certain("the source gave other bytes when it was read again", "the library hashed both readings"),
			inferred("probably another program writes to the file", "lsof names it"),
		},
		Fix:   []string{"upload a copy that nobody writes to"},
		Retry: RetryRestart, Link: linkErrors,
		match: found(librarySource),
		see:   []sight{sawOwn},
	},
	{
		Code: "UPLOAD_NOT_RESUMABLE", Kind: KindInterrupted, Severity: SeverityError,
		Title:   "an upload broke off, and its source can't be read again",
		Meaning: "After a fault the upload would go on by itself, with bytes that the source, a pipe for instance, can't give a second time.",
		Causes: []Cause{
			certain("the source can't give the bytes again from where the upload would go on", "the library tried"),
			inferred("probably a passing fault of the network broke the upload off", "the error's own words"),
		},
		Fix:   []string{"upload from a file, or give BlobClient.Upload an io.Seeker or a Reopen function", "run the command again"},
		Retry: RetryRestart, Link: linkErrors,
		match: found(libraryResume),
		see:   []sight{sawOwn},
	},
	{
		Code: "TRANSFER_STALLED", Kind: KindNetwork, Severity: SeverityError,
		Title:   "a transfer stood still for too long",
		Meaning: "The connection is there, and no byte moved on it for the time that was set.",
		Causes: []Cause{
			certain("no byte moved for the time that was set", "the library's own clock"),
			inferred("probably a proxy or the network on the way hangs", "acrkit doctor with a repository measures the data host"),
		},
		Fix:   []string{"try again: acrkit transfers list shows what can go on", "for a slow line, set NoProgressTimeout higher"},
		Retry: RetryLater, Link: linkEndpoints,
		match: found(libraryStalled),
		see:   []sight{sawOwn},
	},
	{
		Code: "RANGE_IGNORED", Kind: KindContent, Severity: SeverityError,
		Title:   "a server answered a part of a blob with something else",
		Meaning: "A download in parts asks for ranges. An answer with other bytes than asked for can't be put together.",
		Causes: []Cause{
			certain("the answer is not the range that was asked for", "its headers"),
			inferred("probably a proxy on the way drops the Range header or answers from a cache", "the answer's Via header"),
		},
		Fix:   []string{"download in one piece: DownloadOptions.Concurrency = 1"},
		Retry: RetryNo, Link: linkEndpoints,
		match: found(libraryRange),
		see:   []sight{sawOwn},
	},
	untrustedRow("UNTRUSTED_REALM", azcontainerregistry.OriginKindRealm, "a challenge asks to send the credentials to another host, and they were kept back",
		"The challenge of a registry names where tokens are had. It may name the registry itself, and nothing else: credentials go to the login server alone.",
		"possibly {host} is another product's registry, whose tokens come from another host"),
	untrustedRow("UNTRUSTED_LOCATION", azcontainerregistry.OriginKindLocation, "an upload was led to another host, and nothing was sent there",
		"Each answer of an upload names the address of the next request. It has to be at the registry itself: credentials go to the login server alone.",
		"possibly a proxy before the registry writes its own address into Location"),
	untrustedRow("UNTRUSTED_LINK", azcontainerregistry.OriginKindLink, "the next page of a listing is at another host, and was not asked for",
		"The Link header of a listing leads to its next page, at the registry itself.",
		"possibly a proxy before the registry writes its own address into Link"),
	untrustedRow("UNTRUSTED_REDIRECT", azcontainerregistry.OriginKindRedirect, "a redirect leads where no registry does, and was not followed",
		"Blobs are redirected to a storage host by https. Other redirects, or one to plain http, are not followed.",
		"possibly a portal of a guest network or a proxy answered in the registry's place"),
}

// untrustedRow builds a row for an answer that points to a place where the
// client does not go.
func untrustedRow(code string, kind azcontainerregistry.OriginKind, title, meaning, possibly string) Row {
	return Row{
		Code: code, Kind: KindNetwork, Severity: SeverityError,
		Title: title, Meaning: meaning,
		Causes: []Cause{
			certain("the answer points to another origin than the registry's", "the library compared scheme, host and port"),
			inferred("probably something on the way answers in the registry's name, or rewrites its answers", "acrkit doctor {host} shows who answers"),
			inferred(possibly, "the host that is named above"),
		},
		Fix:   []string{"acrkit doctor {host}", "don't send credentials there before you know who it is"},
		Retry: RetryNo, Link: linkAccess,
		match: pointedBy(kind),
		see:   []sight{sawOwn},
	}
}
