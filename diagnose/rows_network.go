package diagnose

import "github.com/acrkit/azcontainerregistry"

const (
	azDNS       = "CONNECTIVITY_DNS_ERROR"
	azTLS       = "CONNECTIVITY_SSL_ERROR"
	azChallenge = "CONNECTIVITY_CHALLENGE_ERROR"
	azLogin     = "LOGIN_SERVER_ERROR"
)

var rowsMiddlebox = []Row{
	{
		Code: "PROXY_LOGIN_PAGE", Kind: KindNetwork, Severity: SeverityError,
		Title: "a web page that asks for a sign-in came back in place of {host}",
		Meaning: "A registry returns JSON. A page that asks for a sign-in comes from something in between that requires a sign-in " +
			"first: a proxy, or a guest network's portal.",
		Causes: []Cause{
			certain("the response is a web page that asks for a sign-in, not a registry's", "the response's body"),
			inferred("probably a proxy or a guest network's portal requires a sign-in", "open http://example.com in a browser on this machine"),
			inferred("possibly {host} is a web site and no registry", "the name, letter by letter"),
		},
		Fix:   []string{"sign in at the proxy or portal, with a browser on this machine", "or set HTTPS_PROXY with the user and password that your network's manual names"},
		Retry: RetryNo, Link: linkAccess, AzCode: azChallenge,
		match:   loginPage,
		observe: []observer{observeBody, observeServer, observeRedirect, observeResponse},
	},
	{
		Code: "NOT_A_REGISTRY", Kind: KindNetwork, Severity: SeverityError,
		Title:   "a web page came back in place of {host}'s response",
		Meaning: "A registry returns JSON, with the header Docker-Distribution-Api-Version. This response is a web page.",
		Causes: []Cause{
			certain("the response is a web page, not a registry's", "the response's body"),
			inferred("probably {host} is a web site and no registry, or its name is mistyped", "the name, letter by letter; az acr list --query \"[].loginServer\""),
			inferred("possibly a proxy in between responded in its place", "the response's Server and Via headers"),
		},
		Fix:   []string{"az acr list --query \"[].loginServer\" -o tsv"},
		Retry: RetryNo, Link: linkAccess, AzCode: azLogin,
		match:   all(webPage, not(loginPage)),
		observe: []observer{observeBody, observeServer, observeRedirect, observeResponse},
	},
	{
		Code: "PROXY_AUTHENTICATION", Kind: KindNetwork, Severity: SeverityError,
		Title:   "the proxy between here and {host} requires a user name and a password (407)",
		Meaning: "Requests go through a proxy, and it lets nothing through without a sign-in of its own.",
		Causes: []Cause{
			certain("the proxy asks for credentials", "status 407"),
			inferred("probably HTTPS_PROXY has no user and password in it, or wrong ones", "the environment variable's value"),
		},
		Fix:   []string{"export HTTPS_PROXY=http://<user>:<password>@<proxy>:<port>", "if no proxy is needed: export NO_PROXY={host}"},
		Retry: RetryNo, Link: linkAccess, AzCode: azChallenge,
		match:   either(failed(transportProxyAuth), func(ev *evidence) bool { return ev.status == 407 }),
		observe: []observer{observeFailure, observeServer, observeResponse},
	},
	{
		Code: "UNEXPECTED_REDIRECT", Kind: KindNetwork, Severity: SeverityError,
		Title:   "{host} redirects a request that registries never redirect ({status})",
		Meaning: "A registry redirects downloads of blobs alone. A redirect of anything else comes from something in between or from another kind of server.",
		Causes: []Cause{
			inferred("probably a proxy or a guest network's portal redirects to its sign-in", "the host that the redirect names"),
			inferred("possibly {host} is a web site and no registry", "the name, letter by letter"),
		},
		Fix:   []string{"acrkit doctor {host}"},
		Retry: RetryNo, Link: linkAccess, AzCode: azChallenge,
		match:   all(func(ev *evidence) bool { return ev.status >= 300 && ev.status < 400 && ev.status != 304 }, func(ev *evidence) bool { return !ev.page }, notStorageNorEntra),
		observe: []observer{observeRedirect, observeServer, observeResponse},
	},
	{
		Code: "UNEXPECTED_STATUS", Kind: KindUnknown, Severity: SeverityError,
		Title:   "{host} returned a status that no registry returns for this ({status})",
		Meaning: "The protocol does not define this status for the request.",
		Causes:  []Cause{inferred("possibly a proxy in between, or another kind of server, responded", "the response's Server and Via headers")},
		Fix:     []string{"acrkit doctor {host}"},
		Retry:   RetryNo, Link: linkErrors, AzCode: azChallenge,
		match: func(ev *evidence) bool {
			return ev.status > 0 && (ev.status < 300 || ev.status == 304) && !ev.page && notStorageNorEntra(ev)
		},
		rank:    rankGeneral,
		observe: []observer{observeBody, observeServer, observeResponse},
	},
}

var rowsNetwork = []Row{
	{
		Code: "DNS_NOT_FOUND", Kind: KindNetwork, Severity: SeverityError,
		Title: "no such host: {host}",
		Meaning: "The name does not exist for this machine's resolver. Either there is no such registry, or its name is only " +
			"known on a private network.",
		Causes: []Cause{
			certain("this machine's resolver does not know {host}", "its own message"),
			inferred("probably the registry's name is mistyped, or the registry was deleted", "az acr list --query \"[].loginServer\""),
			inferred("possibly it is in another cloud: .azurecr.cn and .azurecr.us", "az cloud show"),
			inferred("possibly its login server has a suffix that the registry's name does not show", "az acr list --query \"[].loginServer\""),
		},
		Fix:   []string{"az acr list --query \"[].loginServer\" -o tsv", "nslookup {hostname}"},
		Retry: RetryNo, Link: linkAccess, AzCode: azDNS,
		match:   all(failed(transportDNSNotFound), toRegistry),
		observe: []observer{observeFailure},
	},
	{
		Code: "DNS_FAILED", Kind: KindNetwork, Severity: SeverityError,
		Title:   "looking up {host} failed",
		Meaning: "The resolver reported an error of its own, so it is not known whether the name exists.",
		Causes: []Cause{
			certain("the resolver could not respond", "its own error"),
			inferred("probably the resolver cannot reach the servers it asks", "nslookup microsoft.com"),
		},
		Fix:   []string{"nslookup {hostname}", "try again"},
		Retry: RetryLater, Link: linkAccess, AzCode: azDNS,
		match:   all(failed(transportDNSTemporary), toRegistry),
		observe: []observer{observeFailure},
	},
	{
		Code: "DNS_TIMEOUT", Kind: KindNetwork, Severity: SeverityError,
		Title:   "no resolver responded for {host}",
		Meaning: "The query was sent and no response came in time.",
		Causes: []Cause{
			certain("no resolver responded within the time given", "the resolver's error says timeout"),
			inferred("probably the resolver in this machine's settings is not reachable from here", "nslookup microsoft.com"),
			inferred("possibly a VPN took over the settings and is not connected", "the resolvers in /etc/resolv.conf or scutil --dns"),
		},
		Fix:   []string{"nslookup {hostname}", "try again"},
		Retry: RetryLater, Link: linkAccess, AzCode: azDNS,
		match:   all(failed(transportDNSTimeout), toRegistry),
		observe: []observer{observeFailure},
	},
	{
		Code: "CONNECTION_REFUSED", Kind: KindNetwork, Severity: SeverityError,
		Title:   "nothing accepts connections at {host}",
		Meaning: "The machine at that address reported that no program listens on that port.",
		Causes: []Cause{
			certain("the connection to {address} was refused", "the operating system's error"),
			inferred("probably the port or the name is wrong, or a firewall rejects the connection", "a registry listens on port 443"),
			inferred("possibly a local emulator is not running", "acrkit emulator prints its endpoint"),
		},
		Fix:   []string{"acrkit doctor {host}"},
		Retry: RetryLater, Link: linkAccess, AzCode: azChallenge,
		match:   all(failed(transportRefused), toRegistry),
		observe: []observer{observeFailure},
	},
	{
		Code: "CONNECTION_RESET", Kind: KindNetwork, Severity: SeverityError,
		Title:   "the connection to {host} was reset",
		Meaning: "The connection was there and was reset by the other side, or by something in between in its name.",
		Causes: []Cause{
			certain("a reset arrived on the open connection", "the operating system's error"),
			inferred("probably a temporary fault; downloads and uploads resume where they were", "the same work succeeds when tried again"),
			inferred("possibly a firewall in between cuts connections to {host}", "it happens each time, at the same point"),
		},
		Fix:   []string{"try again", "list what can be resumed: acrkit transfers list", "acrkit doctor {host}"},
		Retry: RetryLater, Link: linkAccess, AzCode: azChallenge,
		match:   all(failed(transportReset), toRegistry),
		observe: []observer{observeFailure},
	},
	{
		Code: "CONNECTION_CLOSED", Kind: KindNetwork, Severity: SeverityError,
		Title:   "{host} closed the connection before the response was complete",
		Meaning: "The connection ended in the middle of a response, or before one began.",
		Causes: []Cause{
			certain("the connection ended before the whole response had arrived", "the end of file in the error"),
			inferred("probably a temporary fault of the network or of the service", "the same work succeeds when tried again"),
			inferred("possibly a proxy ends long or large transfers", "it happens at the same size or time"),
		},
		Fix:   []string{"try again", "list what can be resumed: acrkit transfers list", "acrkit doctor {host}"},
		Retry: RetryLater, Link: linkAccess, AzCode: azChallenge,
		match:   all(failed(transportClosed), toRegistry, not(notJSON)),
		observe: []observer{observeFailure},
	},
	{
		Code: "PRIVATE_ADDRESS_UNREACHABLE", Kind: KindNetwork, Severity: SeverityError,
		Title:   "the private address of {host} is not reachable from here",
		Meaning: "The name resolved to an address of a private network, and no connection to it could be opened.",
		Causes: []Cause{
			certain("no connection to {address}, an address of a private network, could be opened", "the dialled address in the error"),
			inferred("probably this machine is not on the network of the registry's private endpoint, or has no route there", "connect the VPN and try again"),
			inferred("possibly a network security group blocks port 443 to the private endpoint", "the group's flow log"),
		},
		Fix:   []string{"connect to the network of the private endpoint", "acrkit doctor {host}"},
		Retry: RetryNo, Link: linkAccess, AzCode: azChallenge,
		match:   all(failed(transportUnreachable, transportConnectTimeout), toRegistry, dialledPrivate),
		observe: []observer{observeFailure},
	},
	{
		Code: "NETWORK_UNREACHABLE", Kind: KindNetwork, Severity: SeverityError,
		Title:   "there is no route from here to {host}",
		Meaning: "The operating system knows no route to the address.",
		Causes: []Cause{
			certain("this machine has no route to {address}", "the operating system's error"),
			inferred("probably there is no network connection, or none for that family of addresses (IPv6)", "acrkit doctor {host} tries both families"),
		},
		Fix:   []string{"acrkit doctor {host}"},
		Retry: RetryLater, Link: linkAccess, AzCode: azChallenge,
		match:   all(failed(transportUnreachable), toRegistry, not(dialledPrivate)),
		observe: []observer{observeFailure},
	},
	{
		Code: "CONNECT_TIMEOUT", Kind: KindNetwork, Severity: SeverityError,
		Title:   "no connection to {host} could be opened in time",
		Meaning: "The name resolved, and nothing at its address accepted or refused the connection.",
		Causes: []Cause{
			certain("nothing at {address} responded within the time given", "the timeout while dialling"),
			inferred("probably a firewall on this side drops connections to {host}", "another network reaches it"),
			inferred("possibly the only way out is a proxy, and HTTPS_PROXY is not set", "the network's manual"),
		},
		Fix:   []string{"allow port 443 to {host} and to its data hosts", "or export HTTPS_PROXY=http://<proxy>:<port>", "acrkit doctor {host}"},
		Retry: RetryLater, Link: linkAccess, AzCode: azChallenge,
		match:   all(failed(transportConnectTimeout), toRegistry, not(dialledPrivate)),
		observe: []observer{observeFailure},
	},
	{
		Code: "RESPONSE_TIMEOUT", Kind: KindNetwork, Severity: SeverityError,
		Title:   "{host} received the request and did not respond in time",
		Meaning: "The connection was opened, and no response arrived on it.",
		Causes: []Cause{
			certain("no response arrived within the time given", "the timeout after the request was sent"),
			inferred("probably the service, or a proxy in between, is overloaded or hangs", "acrkit doctor {host} measures each step"),
		},
		Fix:   []string{"try again", "acrkit doctor {host}"},
		Retry: RetryLater, Link: linkAccess, AzCode: azChallenge,
		match:   all(failed(transportResponseTimeout), toRegistry),
		observe: []observer{observeFailure},
	},
	{
		Code: "DEADLINE_EXCEEDED", Kind: KindInterrupted, Severity: SeverityError,
		Title:   "the time given for the work with {host} was exceeded",
		Meaning: "The caller set a limit, and it passed before the work was done.",
		Causes: []Cause{
			certain("the limit that the caller set had passed", "the context's own error"),
			inferred("probably the limit is too short for the amount of data or for the network", "the time the same work takes without a limit"),
		},
		Fix:   []string{"give the work more time", "acrkit doctor {host}"},
		Retry: RetryLater, Link: linkAccess,
		match:   all(failed(transportDeadline), toRegistry),
		observe: []observer{observeFailure},
	},
	{
		Code: "CANCELED", Kind: KindInterrupted, Severity: SeverityInfo,
		Title:   "the work was cancelled by its caller",
		Meaning: "Somebody asked the work to stop: an interrupt, or a program that no longer needs it.",
		Causes:  []Cause{certain("the caller cancelled the work", "the context's own error")},
		Fix:     []string{"list what can be resumed: acrkit transfers list"},
		Retry:   RetryLater,
		match:   failed(transportCanceled),
		observe: []observer{observeFailure},
	},
	{
		Code: "PROXY_UNREACHABLE", Kind: KindNetwork, Severity: SeverityError,
		Title:   "the proxy between here and {host} is not reachable",
		Meaning: "The environment names a proxy, and no connection to the proxy could be opened.",
		Causes: []Cause{
			certain("no connection to the proxy could be opened", "the error names the proxy step"),
			inferred("probably HTTPS_PROXY names a proxy of another network, or a wrong port", "the environment variable's value"),
		},
		Fix:   []string{"env | grep -i proxy", "if no proxy is needed here: export NO_PROXY={host}"},
		Retry: RetryNo, Link: linkAccess, AzCode: azChallenge,
		match:   failed(transportProxyDial),
		observe: []observer{observeFailure},
	},
	{
		Code: "PROXY_REFUSED", Kind: KindNetwork, Severity: SeverityError,
		Title:   "the proxy refuses to connect to {host}",
		Meaning: "The proxy was reached, and refused the CONNECT request.",
		Causes: []Cause{
			certain("the proxy refused the CONNECT request", "the status text alone is the error"),
			inferred("probably the proxy's rules don't allow {host}", "another host, such as https://microsoft.com, gets through"),
		},
		Fix:   []string{"ask whoever runs the proxy to allow {host}, *.data.azurecr.io and *.blob.core.windows.net", "if no proxy is needed: export NO_PROXY={host}"},
		Retry: RetryNo, Link: linkAccess, AzCode: azChallenge,
		match:   failed(transportProxyRefused),
		observe: []observer{observeFailure},
	},
	{
		Code: "DATA_HOST_UNREACHABLE", Kind: KindNetwork, Severity: SeverityError,
		Title: "the data host {data} is not reachable",
		Meaning: "The bytes of a blob come from another host than the login server. Networks that allow the login server alone " +
			"let manifests through and block the layers.",
		Causes: []Cause{
			certain("no usable connection to {data} could be opened", "the error names that host"),
			inferred("probably a firewall, a proxy or a private network allows the login server and not this host, or neither responds by now", "acrkit doctor {host}/{repository} asks both"),
			inferred("possibly the private endpoint's zone lacks the record of the data endpoint", "nslookup {dataname}"),
		},
		Fix: []string{
			"acrkit doctor {host}/{repository}",
			"allow port 443 to {data}",
			"nslookup {dataname}",
			"for fixed host names: az acr update -n {registry} --data-endpoint-enabled",
		},
		Retry: RetryNo, Link: linkEndpoints, AzCode: azChallenge,
		match:   all(noConnection, toData),
		observe: []observer{observeFailure, observeRedirect},
	},
	{
		Code: "DATA_CONNECTION_BROKEN", Kind: KindNetwork, Severity: SeverityError,
		Title: "the connection to the data host {data} broke, or nothing more came on it",
		Meaning: "The bytes of a blob come from another host than the login server. That host was reached, and the connection " +
			"did not last until the bytes were there.",
		Causes: []Cause{
			certain("the connection to {data} ended or went silent before the bytes were there", "the error names that host"),
			inferred("probably a temporary fault; downloads resume where they were", "the same work succeeds when tried again"),
			inferred("possibly a proxy or firewall ends long or large transfers", "it happens at the same size or time"),
		},
		Fix:   []string{"list what can be resumed, and try again: acrkit transfers list", "measure the host: acrkit doctor {host}/{repository}"},
		Retry: RetryLater, Link: linkEndpoints, AzCode: azChallenge,
		match:   all(brokenConnection, toData),
		observe: []observer{observeFailure, observeRedirect},
	},
	{
		Code: "RESPONSE_UNREADABLE", Kind: KindNetwork, Severity: SeverityError,
		Title:   "a response of {host} is not the JSON that it should be",
		Meaning: "The status is one of success, and the body ends early or is not JSON.",
		Causes: []Cause{
			certain("the body is not complete JSON", "the reader's own error"),
			inferred("probably a proxy in between truncated the response or responded in the registry's place", "the same request by another network"),
		},
		Fix:   []string{"try again", "acrkit doctor {host}"},
		Retry: RetryLater, Link: linkAccess,
		match: either(responseLacks(azcontainerregistry.ResponsePartJSON), func(ev *evidence) bool {
			return ev.status == 0 && ev.library.host != "" && ev.library.kind == "" && ev.entra.kind == "" && (ev.transport.kind == "" || ev.transport.kind == transportClosed) && notJSON(ev)
		}),
		observe: []observer{observeText},
	},
	{
		Code: "RESPONSE_WITHOUT_LOCATION", Kind: KindNetwork, Severity: SeverityError,
		Title:   "{host} began an upload, and its response does not say where to send it",
		Meaning: "Each response of an upload names the URL of the next request in its Location header. Without it no client can continue.",
		Causes: []Cause{
			certain("the response has no Location header", "its headers"),
			inferred("probably a proxy in between drops the header, or {host} is not an Azure registry", "acrkit doctor {host}"),
		},
		Fix:   []string{"acrkit doctor {host}"},
		Retry: RetryNo, Link: linkAccess,
		match:   responseLacks(azcontainerregistry.ResponsePartLocation),
		observe: []observer{observeText},
	},
	{
		Code: "ENTRA_UNREACHABLE", Kind: KindNetwork, Severity: SeverityError,
		Title:   "the identity service is not reachable",
		Meaning: "The credential has to ask Entra for a token, and no connection to it could be opened.",
		Causes: []Cause{
			certain("no usable connection to the identity service could be opened", "the error names its host"),
			inferred("probably a firewall or a proxy allows the registry and not the identity service", "curl -I https://login.microsoftonline.com"),
		},
		Fix:   []string{"allow port 443 to login.microsoftonline.com", "acrkit doctor {host}"},
		Retry: RetryLater, Link: linkAccess, AzCode: azRefreshToken,
		match:   either(all(either(noConnection, brokenConnection), toEntra, not(toMachine)), ofEntra(entraUnreachable)),
		observe: []observer{observeUnreachable},
	},
	{
		Code: "LISTING_INCOMPLETE", Kind: KindInterrupted, Severity: SeverityError,
		Title:   "the listing broke off and is not complete",
		Meaning: "A later page of a listing could not be fetched. The items before it are correct, and are not all.",
		Causes:  []Cause{inferred("probably a temporary fault; the error says which", "the same listing succeeds when it is started again")},
		Fix:     []string{"list again from the beginning"},
		Retry:   RetryRestart, Link: linkErrors,
		match: func(ev *evidence) bool {
			return ev.library.broken && ev.status == 0 && ev.transport.kind == "" && ev.library.kind == "" && ev.entra.kind == ""
		},
		rank:    rankGeneral,
		observe: []observer{observeText},
	},
	{
		Code: "RETRIES_EXHAUSTED", Kind: KindUnknown, Severity: SeverityError,
		Title:   "the library gave up after several attempts",
		Meaning: "The work was tried again and again; the last attempt failed for a reason that is not in the catalogue.",
		Causes:  []Cause{inferred("possibly a fault that takes longer than the attempts did", "the same work after some minutes")},
		Fix:     []string{"try again later", "acrkit doctor {host}"},
		Retry:   RetryLater, Link: linkAccess,
		match: func(ev *evidence) bool {
			return ev.library.attempts > 0 && !ev.library.broken && ev.status == 0 && ev.transport.kind == "" && ev.library.kind == "" && ev.entra.kind == ""
		},
		rank:    rankGeneral,
		observe: []observer{observeText},
	},
}
