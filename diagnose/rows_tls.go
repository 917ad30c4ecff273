package diagnose

var rowsTLS = []Row{
	{
		Code: "TLS_UNKNOWN_AUTHORITY", Kind: KindNetwork, Severity: SeverityError,
		Title: "{host} presents a certificate of an authority that this machine does not trust",
		Meaning: "The certificate's issuer is not among those that this machine trusts. Azure's own certificates come from " +
			"authorities that every system knows.",
		Causes: []Cause{
			certain("no authority that this machine trusts has issued the certificate", "the verification's own error"),
			inferred("probably a proxy intercepts the connection and signs with its own authority", "the issuer's name is not Microsoft's or DigiCert's"),
			inferred("possibly this machine lacks its authorities, as bare containers do", "the package ca-certificates"),
			inferred("possibly this is a local emulator", "acrkit emulator prints the file of its certificate"),
		},
		Fix: []string{
			"openssl s_client -connect {server} -servername {hostname} -showcerts </dev/null",
			"in a bare container: install ca-certificates",
			"export SSL_CERT_FILE=<your company's or the emulator's certificate>",
		},
		Retry: RetryNo, Link: linkAccess, AzCode: azTLS,
		match:   failed(transportTLSAuthority),
		observe: []observer{observeCertificate, observeFailure},
	},
	{
		Code: "TLS_INTERCEPTED", Kind: KindNetwork, Severity: SeverityError,
		Title: "the certificate shown for {host} was issued by a product that inspects connections",
		Meaning: "The certificate is valid for its maker alone: the connection ends at a security product in between, which " +
			"signs with an authority that this machine does not trust.",
		Causes: []Cause{
			certain("no authority that this machine trusts has issued the certificate", "the verification's own error"),
			inferred("probably a security product intercepts the connection: its name is in the issuer's", "the issuer shown above"),
		},
		Fix: []string{
			"export SSL_CERT_FILE=<the authority's certificate, from whoever runs the product>",
			"or ask them to exempt {host} from inspection",
		},
		Retry: RetryNo, Link: linkAccess, AzCode: azTLS,
		match:   failed(transportTLSIntercepted),
		observe: []observer{observeCertificate, observeFailure},
	},
	{
		Code: "TLS_EXPIRED", Kind: KindNetwork, Severity: SeverityError,
		Title: "by this machine's clock, the certificate of {host} has expired",
		Meaning: "A certificate is valid between two dates. Azure renews its own well before; so a certificate that has expired is " +
			"often a clock that is ahead.",
		Causes: []Cause{
			certain("this machine's clock is after the certificate's expiry", "the verification's own error"),
			inferred("probably this machine's clock is ahead, when the host is one of Azure's", "acrkit doctor {host} compares the clocks"),
			inferred("possibly the certificate is a proxy's or an emulator's, and has expired", "the issuer's name"),
		},
		Fix:   []string{"date -u", "sudo timedatectl set-ntp true", "acrkit doctor {host}"},
		Retry: RetryNo, Link: linkAccess, AzCode: azTLS,
		match:   failed(transportTLSExpired),
		observe: []observer{observeCertificate, observeFailure},
	},
	{
		Code: "TLS_NOT_YET_VALID", Kind: KindNetwork, Severity: SeverityError,
		Title:   "by this machine's clock, the certificate of {host} is not yet valid",
		Meaning: "A certificate is valid between two dates. One that is not valid yet is nearly always a clock that is behind.",
		Causes: []Cause{
			certain("this machine's clock is before the certificate's start", "the verification's own error"),
			inferred("probably this machine's clock is behind, as after a long sleep or an empty battery", "acrkit doctor {host} compares the clocks"),
		},
		Fix:   []string{"date -u", "sudo timedatectl set-ntp true"},
		Retry: RetryNo, Link: linkAccess, AzCode: azTLS,
		match:   failed(transportTLSNotYet),
		observe: []observer{observeCertificate, observeFailure},
	},
	{
		Code: "TLS_NAME_MISMATCH", Kind: KindNetwork, Severity: SeverityError,
		Title:   "the certificate shown is not for {host}",
		Meaning: "The server that responded has a certificate for other names. So it is another server than the one that was meant, or it was addressed by a name of your own.",
		Causes: []Cause{
			certain("the certificate does not name {host}", "the names in the certificate"),
			inferred("probably a name of your own (CNAME) resolves to the registry, whose certificate covers its own names alone", "use the login server's own name"),
			inferred("possibly the name resolves to another server, as by a stale private record", "acrkit doctor {host} shows the addresses"),
		},
		Fix:   []string{"az acr show -n {registry} --query loginServer -o tsv", "nslookup {hostname}"},
		Retry: RetryNo, Link: linkAccess, AzCode: azTLS,
		match:   failed(transportTLSName),
		observe: []observer{observeCertificate, observeFailure},
	},
	{
		Code: "TLS_CERTIFICATE_INVALID", Kind: KindNetwork, Severity: SeverityError,
		Title:   "the certificate of {host} is not one for servers",
		Meaning: "The certificate breaks a rule of its own chain: its authority may not issue it, or it is for another use.",
		Causes: []Cause{
			certain("the certificate breaks a rule of its chain", "the verification's own error"),
			inferred("probably a proxy intercepts the connection with a badly made certificate", "the issuer's name"),
		},
		Fix:   []string{"openssl s_client -connect {server} -servername {hostname} -showcerts </dev/null"},
		Retry: RetryNo, Link: linkAccess, AzCode: azTLS,
		match:   failed(transportTLSOther),
		observe: []observer{observeCertificate, observeFailure},
	},
	{
		Code: "TLS_ALERT", Kind: KindNetwork, Severity: SeverityError,
		Title:   "{host} broke off the TLS handshake",
		Meaning: "The other side sent an alert: it has no protocol version or cipher in common with this client, requires a client certificate, or does not know the name.",
		Causes: []Cause{
			certain("the other side broke off the handshake", "its alert"),
			inferred("probably a proxy or an old gateway in between requires or forbids a version of TLS; Azure takes 1.2 and 1.3", "another network reaches it"),
		},
		Fix:   []string{"openssl s_client -connect {server} -servername {hostname} </dev/null", "acrkit doctor {host}"},
		Retry: RetryNo, Link: linkAccess, AzCode: azTLS,
		match:   failed(transportTLSAlert),
		observe: []observer{observeFailure},
	},
	{
		Code: "TLS_TIMEOUT", Kind: KindNetwork, Severity: SeverityError,
		Title:   "{host} accepted the connection and did not finish the TLS handshake",
		Meaning: "The connection was opened, and the handshake on it got no response.",
		Causes: []Cause{
			certain("the handshake was not done within the time given", "the error's message"),
			inferred("probably a firewall in between lets the connection through and drops what it does not like in it", "another network reaches it"),
			inferred("possibly packets are too large for a tunnel in between", "a smaller MTU on this machine helps"),
		},
		Fix:   []string{"acrkit doctor {host}", "openssl s_client -connect {server} -servername {hostname} </dev/null"},
		Retry: RetryLater, Link: linkAccess, AzCode: azTLS,
		match:   all(failed(transportTLSTimeout), toRegistry),
		observe: []observer{observeFailure},
	},
	{
		Code: "NOT_TLS", Kind: KindNetwork, Severity: SeverityError,
		Title:   "{host} does not use TLS on this port",
		Meaning: "The client began a TLS handshake, and the response was not TLS.",
		Causes: []Cause{
			certain("the response to the handshake is not TLS", "its first bytes"),
			inferred("probably the port is one for plain http", "a local emulator without --tls is reached by http://"),
			inferred("possibly a portal of a guest network responded", "open http://example.com in a browser on this machine"),
		},
		Fix:   []string{"for a local emulator: http://{host}", "for a registry in Azure: leave the port out"},
		Retry: RetryNo, Link: linkAccess, AzCode: azTLS,
		match:   failed(transportNotTLS),
		observe: []observer{observeFailure},
	},
}
