package printed

// phrasingsNetwork are the failures of connections, by the words of the languages
// that tools are written in.
var phrasingsNetwork = []Phrasing{
	{
		Tool: "Go tools", Text: "proxy authentication required", Code: "PROXY_AUTHENTICATION", Weight: Said, Proven: true,
		Example: `Error response from daemon: Get "https://shop.azurecr.io/v2/": Proxy Authentication Required`,
	},
	{
		Tool: "Python tools", Text: "tunnel connection failed: 407", Code: "PROXY_AUTHENTICATION", Weight: Said, Proven: true,
		Example: `ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 407 Proxy Authentication Required'))`,
	},
	{
		Tool: "Python tools", Text: "tunnel connection failed", Code: "PROXY_REFUSED", Weight: Said, Proven: true,
		Example: `ProxyError('Unable to connect to proxy', OSError('Tunnel connection failed: 403 Forbidden'))`,
	},
	{
		Tool: "Go tools", Text: "proxyconnect tcp", Code: "PROXY_UNREACHABLE", Weight: Said, Proven: true,
		Example: `Get "https://shop.azurecr.io/v2/": proxyconnect tcp: dial tcp 10.1.2.3:3128: connect: connection refused`,
	},
	{
		Tool: "Python tools", Text: "cannot connect to proxy", Code: "PROXY_UNREACHABLE", Weight: Said,
		Example: `ProxyError('Cannot connect to proxy.', NewConnectionError('Failed to establish a new connection'))`,
	},
	{
		Tool: "Python tools", Text: "unable to connect to proxy", Code: "PROXY_UNREACHABLE", Weight: Said,
		Example: `ProxyError('Unable to connect to proxy', NewConnectionError('Failed to establish a new connection'))`,
	},
	{
		Tool: "Go tools", Text: "/v2/\": forbidden", Code: "PROXY_REFUSED", Weight: Said,
		Example: `Error response from daemon: Get "https://shop.azurecr.io/v2/": Forbidden`,
	},
	{
		Tool: "Go tools", Text: "server gave http response to https client", None: []string{"; get http://", "; get \"http://"}, Code: "NOT_TLS", Weight: Said, Proven: true,
		Example: `Get "https://shop.azurecr.io:80/v2/": http: server gave HTTP response to HTTPS client`,
	},
	{
		Tool: "Go tools", Text: "first record does not look like a tls handshake", Code: "NOT_TLS", Weight: Said, Proven: true,
		Example: `tls: first record does not look like a TLS handshake`,
	},
	{
		Tool: "OpenSSL", Text: "wrong version number", With: "ssl", Code: "NOT_TLS", Weight: Said,
		Example: `[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1000)`,
	},
	{
		Tool: "Go tools", Text: "certificate has expired or is not yet valid…is before", Code: "TLS_NOT_YET_VALID", Weight: Said, Proven: true,
		Example: `x509: certificate has expired or is not yet valid: current time 2024-01-02T03:04:05Z is before 2025-01-02T03:04:05Z`,
	},
	{
		Tool: "all", Text: "certificate is not yet valid", Code: "TLS_NOT_YET_VALID", Weight: Said, Proven: true,
		Example: `certificate verify failed: certificate is not yet valid`,
	},
	{
		Tool: "all", Text: "certificate has expired", Code: "TLS_EXPIRED", Weight: Said, Proven: true,
		Example: `x509: certificate has expired or is not yet valid: current time 2026-01-02T03:04:05Z is after 2025-01-02T03:04:05Z`,
	},
	{
		Tool: "Node.js", Text: "cert_has_expired", Code: "TLS_EXPIRED", Weight: Said, Proven: true,
		Example: `code: 'CERT_HAS_EXPIRED'`,
	},
	{
		Tool: "Go tools", Text: "x509: certificate is valid for", Code: "TLS_NAME_MISMATCH", Weight: Said, Proven: true,
		Example: `x509: certificate is valid for *.proxy.example, not shop.azurecr.io`,
	},
	{
		Tool: "Python tools", Text: "hostname mismatch", Code: "TLS_NAME_MISMATCH", Weight: Said, Proven: true,
		Example: `certificate verify failed: Hostname mismatch, certificate is not valid for 'shop.azurecr.io'`,
	},
	{
		Tool: "Node.js", Text: "altnames", Code: "TLS_NAME_MISMATCH", Weight: Said, Proven: true,
		Example: `Hostname/IP does not match certificate's altnames: Host: shop.azurecr.io. is not in the cert's altnames`,
	},
	{
		Tool: "Go tools", Text: "x509: cannot validate certificate for", Code: "TLS_NAME_MISMATCH", Weight: Said,
		Example: `x509: cannot validate certificate for 10.0.0.4 because it doesn't contain any IP SANs`,
	},
	{
		Tool: "Java", Text: "no subject alternative", Code: "TLS_NAME_MISMATCH", Weight: Said,
		Example: `javax.net.ssl.SSLHandshakeException: No subject alternative DNS name matching shop.azurecr.io found.`,
	},
	{
		Tool: "Go tools", Text: "certificate signed by unknown authority", Code: "TLS_UNKNOWN_AUTHORITY", Weight: Said, Proven: true,
		Example: `tls: failed to verify certificate: x509: certificate signed by unknown authority`,
	},
	{
		Tool: "Go tools", Text: "certificate is not trusted", Code: "TLS_UNKNOWN_AUTHORITY", Weight: Said,
		Example: `x509: "Contoso Root CA" certificate is not trusted`,
	},
	{
		Tool: "OpenSSL, Node.js", Text: "unable to get local issuer certificate", Code: "TLS_UNKNOWN_AUTHORITY", Weight: Said, Proven: true,
		Example: `[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate (_ssl.c:1000)`,
	},
	{
		Tool: "OpenSSL, Node.js", Text: "self signed certificate", Code: "TLS_UNKNOWN_AUTHORITY", Weight: Said,
		Example: `certificate verify failed: self signed certificate in certificate chain`,
	},
	{
		Tool: "OpenSSL, Node.js", Text: "self-signed certificate", Code: "TLS_UNKNOWN_AUTHORITY", Weight: Said,
		Example: `RestError: self-signed certificate in certificate chain`,
	},
	{
		Tool: "Node.js", Text: "unable to verify the first certificate", Code: "TLS_UNKNOWN_AUTHORITY", Weight: Said,
		Example: `RestError: unable to verify the first certificate`,
	},
	{
		Tool: "Java", Text: "pkix path building failed", Code: "TLS_UNKNOWN_AUTHORITY", Weight: Said,
		Example: `sun.security.validator.ValidatorException: PKIX path building failed: unable to find valid certification path to requested target`,
	},
	{
		Tool: ".NET", Text: "remote certificate is invalid", Code: "TLS_UNKNOWN_AUTHORITY", Weight: Said,
		Example: `The remote certificate is invalid because of errors in the certificate chain: UntrustedRoot`,
	},
	{
		Tool: "Python tools", Text: "certificate_verify_failed", Code: "TLS_UNKNOWN_AUTHORITY", Weight: Said,
		Example: `SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed (_ssl.c:1000)'))`,
	},
	{
		Tool: "Azure CLI", Text: "certificate verification failed", Code: "TLS_UNKNOWN_AUTHORITY", Weight: Said,
		Example: `Certificate verification failed. This typically happens when using Azure CLI behind a proxy that intercepts traffic with a self-signed certificate.`,
	},
	{
		Tool: "Go tools", Text: "tls handshake timeout", Code: "TLS_TIMEOUT", Weight: Said, Proven: true,
		Example: `Get "https://shop.azurecr.io/v2/": net/http: TLS handshake timeout`,
	},
	{
		Tool: "Go tools", Text: "remote error: tls", Code: "TLS_ALERT", Weight: Said, Proven: true,
		Example: `Get "https://shop.azurecr.io/v2/": remote error: tls: handshake failure`,
	},
	{
		Tool: "OpenSSL", Text: "alert handshake failure", Code: "TLS_ALERT", Weight: Said,
		Example: `[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure (_ssl.c:1000)`,
	},
	{
		Tool: "Java", Text: "received fatal alert", Code: "TLS_ALERT", Weight: Said,
		Example: `javax.net.ssl.SSLHandshakeException: Received fatal alert: handshake_failure`,
	},

	{
		Tool: "Go tools", Text: "lookup…read udp…connection refused", Code: "DNS_FAILED", Weight: Said,
		Example: `dial tcp: lookup shop.azurecr.io on [::1]:53: read udp [::1]:58645->[::1]:53: read: connection refused`,
	},
	{
		Tool: "Go tools", Text: "lookup…server misbehaving", Code: "DNS_FAILED", Weight: Said, Proven: true,
		Example: `dial tcp: lookup shop.azurecr.io on 172.30.160.1:53: server misbehaving`,
	},
	{
		Tool: "C library", Text: "temporary failure in name resolution", Code: "DNS_FAILED", Weight: Said, Proven: true,
		Example: `Failed to establish a new connection: [Errno -3] Temporary failure in name resolution`,
	},
	{
		Tool: "Node.js", Text: "eai_again", Code: "DNS_FAILED", Weight: Said,
		Example: `getaddrinfo EAI_AGAIN shop.azurecr.io`,
	},
	{
		Tool: "Go tools", Text: "lookup…i/o timeout", Code: "DNS_TIMEOUT", Weight: Said, Proven: true,
		Example: `dial tcp: lookup shop.azurecr.io on 10.0.0.10:53: read udp 10.0.0.5:1->10.0.0.10:53: i/o timeout`,
	},
	{
		Tool: "Go tools", Text: "no such host", Code: "DNS_NOT_FOUND", Weight: Said, Proven: true,
		Example: `dial tcp: lookup shop.azurecr.io on 10.0.0.10:53: no such host`,
	},
	{
		Tool: "C library", Text: "name or service not known", Code: "DNS_NOT_FOUND", Weight: Said, Proven: true,
		Example: `Failed to establish a new connection: [Errno -2] Name or service not known`,
	},
	{
		Tool: "curl", Text: "could not resolve host", Code: "DNS_NOT_FOUND", Weight: Said,
		Example: `curl: (6) Could not resolve host: shop.azurecr.io`,
	},
	{
		Tool: "Node.js", Text: "getaddrinfo enotfound", Code: "DNS_NOT_FOUND", Weight: Said, Proven: true,
		Example: `RestError: getaddrinfo ENOTFOUND shop.azurecr.io`,
	},
	{
		Tool: "macOS", Text: "nodename nor servname provided", Code: "DNS_NOT_FOUND", Weight: Said,
		Example: `[Errno 8] nodename nor servname provided, or not known`,
	},
	{
		Tool: "C library", Text: "no address associated with hostname", Code: "DNS_NOT_FOUND", Weight: Said,
		Example: `[Errno -5] No address associated with hostname`,
	},
	{
		Tool: "Windows, .NET", Text: "getaddrinfo failed", Code: "DNS_NOT_FOUND", Weight: Said,
		Example: `[Errno 11001] getaddrinfo failed`,
	},
	{
		Tool: "Windows, .NET", Text: "no such host is known", Code: "DNS_NOT_FOUND", Weight: Said, Proven: true,
		Example: `System.Net.Http.HttpRequestException: No such host is known. (shop.azurecr.io:443)`,
	},
	{
		Tool: ".NET", Text: "remote name could not be resolved", Code: "DNS_NOT_FOUND", Weight: Said, Proven: true,
		Example: `The remote name could not be resolved: 'shop.azurecr.io'`,
	},
	{
		Tool: "Java", Text: "unknownhostexception", Code: "DNS_NOT_FOUND", Weight: Said, Proven: true,
		Example: `java.net.UnknownHostException: shop.azurecr.io`,
	},
	{
		Tool: "Java", Text: "failed to resolve '", Code: "DNS_NOT_FOUND", Weight: Said,
		Example: `Failed to resolve 'shop.azurecr.io' after 2 queries`,
	},
	{
		Tool: "AKS", Text: "failed to resolve specified fqdn", Code: "DNS_NOT_FOUND", Weight: Said,
		Example: `Failed to resolve specified fqdn shop.azurecr.io`,
	},

	{
		Tool: "all", Text: "actively refused", Code: "CONNECTION_REFUSED", Weight: Said, Proven: true,
		Example: `dial tcp 10.0.0.4:443: connectex: No connection could be made because the target machine actively refused it.`,
	},
	{
		Tool: "all", Text: "connection refused", Code: "CONNECTION_REFUSED", Weight: Said, Proven: true,
		Example: `dial tcp 20.62.128.9:443: connect: connection refused`,
	},
	{
		Tool: "Node.js", Text: "econnrefused", Code: "CONNECTION_REFUSED", Weight: Said, Proven: true,
		Example: `RestError: connect ECONNREFUSED 20.62.128.9:443`,
	},
	{
		Tool: "all", Text: "no route to host", Code: "NETWORK_UNREACHABLE", Weight: Said, Proven: true,
		Example: `dial tcp 20.62.128.9:443: connect: no route to host`,
	},
	{
		Tool: "all", Text: "network is unreachable", Code: "NETWORK_UNREACHABLE", Weight: Said, Proven: true,
		Example: `dial tcp [2603::1]:443: connect: network is unreachable`,
	},
	{
		Tool: "Node.js", Text: "enetunreach", Code: "NETWORK_UNREACHABLE", Weight: Said,
		Example: `connect ENETUNREACH 20.62.128.9:443`,
	},
	{
		Tool: "Go tools", Text: "while waiting for connection", Code: "CONNECT_TIMEOUT", Weight: Said, Proven: true,
		Example: `Get "https://shop.azurecr.io/v2/": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)`,
	},
	{
		Tool: "Go tools", Text: "dial tcp…i/o timeout", Code: "CONNECT_TIMEOUT", Weight: Said, Proven: true,
		Example: `Head "https://shop.azurecr.io/v2/web/manifests/1.0": dial tcp 20.62.128.9:443: i/o timeout`,
	},
	{
		Tool: "Go tools on Windows", Text: "connected party did not properly respond", Code: "CONNECT_TIMEOUT", Weight: Said,
		Example: `dial tcp 20.62.128.9:443: connectex: A connection attempt failed because the connected party did not properly respond after a period of time`,
	},
	{
		Tool: "Go tools", Text: "dial tcp…deadline exceeded", Code: "CONNECT_TIMEOUT", Weight: Said,
		Example: `dial tcp 20.62.128.9:443: context deadline exceeded`,
	},
	{
		Tool: "C library", Text: "connection timed out", Code: "CONNECT_TIMEOUT", Weight: Said,
		Example: `dial tcp 20.62.128.9:443: connect: connection timed out`,
	},
	{
		Tool: "Python tools", Text: "connecttimeouterror", Code: "CONNECT_TIMEOUT", Weight: Said,
		Example: `Caused by ConnectTimeoutError(<urllib3.connection.HTTPSConnection object>, 'Connection to shop.azurecr.io timed out. (connect timeout=None)')`,
	},
	{
		Tool: "Node.js", Text: "connect etimedout", Code: "CONNECT_TIMEOUT", Weight: Said, Proven: true,
		Example: `RestError: connect ETIMEDOUT 20.62.128.9:443`,
	},
	{
		Tool: "curl", Text: "failed to connect to…timed out", Code: "CONNECT_TIMEOUT", Weight: Said,
		Example: `curl: (28) Failed to connect to shop.azurecr.io port 443 after 129000 ms: Connection timed out`,
	},
	{
		Tool: "Java", Text: "connecttimeoutexception", Code: "CONNECT_TIMEOUT", Weight: Said,
		Example: `io.netty.channel.ConnectTimeoutException: connection timed out: shop.azurecr.io/20.62.128.9:443`,
	},
	{
		Tool: "Go tools", Text: "exceeded while awaiting headers", Code: "RESPONSE_TIMEOUT", Weight: Said, Proven: true,
		Example: `Get "https://shop.azurecr.io/v2/": net/http: request canceled (Client.Timeout exceeded while awaiting headers)`,
	},
	{
		Tool: "Go tools", Text: "timeout awaiting response headers", Code: "RESPONSE_TIMEOUT", Weight: Said, Proven: true,
		Example: `Put "https://shop.azurecr.io/v2/web/blobs/uploads/1": http2: timeout awaiting response headers`,
	},
	{
		Tool: "Python tools", Text: "read timed out", Code: "RESPONSE_TIMEOUT", Weight: Said,
		Example: `HTTPSConnectionPool(host='shop.azurecr.io', port=443): Read timed out. (read timeout=300)`,
	},
	{
		Tool: "Java", Text: "sockettimeoutexception", Code: "RESPONSE_TIMEOUT", Weight: Status,
		Example: `java.net.SocketTimeoutException: timeout`,
	},
	{
		Tool: "Go tools", Text: "cancellation while reading body", Code: "RESPONSE_TIMEOUT", Weight: Said,
		Example: `net/http: request canceled (Client.Timeout or context cancellation while reading body)`,
	},
	{
		Tool: "Go tools", Text: "read tcp…i/o timeout", Code: "RESPONSE_TIMEOUT", Weight: Status,
		Example: `read tcp 10.0.0.5:51234->20.62.128.9:443: i/o timeout`,
	},
	{
		Tool: "all", Text: "connection reset", Code: "CONNECTION_RESET", Weight: Said, Proven: true,
		Example: `read tcp 10.0.0.5:51234->20.62.128.9:443: read: connection reset by peer`,
	},
	{
		Tool: "Node.js", Text: "econnreset", Code: "CONNECTION_RESET", Weight: Said, Proven: true,
		Example: `RestError: read ECONNRESET`,
	},
	{
		Tool: "Windows", Text: "forcibly closed by the remote host", Code: "CONNECTION_RESET", Weight: Said, Proven: true,
		Example: `wsarecv: An existing connection was forcibly closed by the remote host.`,
	},
	{
		Tool: "Go tools", Text: "broken pipe", Code: "CONNECTION_RESET", Weight: Said,
		Example: `Patch "https://shop.azurecr.io/v2/web/blobs/uploads/1": write tcp 10.0.0.5:1->20.62.128.9:443: write: broken pipe`,
	},
	{
		Tool: "Python tools", Text: "remote end closed connection without response", Code: "CONNECTION_CLOSED", Weight: Said, Proven: true,
		Example: `('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))`,
	},
	{
		Tool: "Node.js", Text: "socket hang up", Code: "CONNECTION_CLOSED", Weight: Said,
		Example: `RestError: socket hang up`,
	},
	{
		Tool: "Go tools", Text: "unexpected eof", Code: "CONNECTION_CLOSED", Weight: Said, Proven: true,
		Example: `failed to copy: httpReadSeeker: failed open: unexpected EOF`,
	},
	{
		Tool: "Go tools", Text: "server closed idle connection", Code: "CONNECTION_CLOSED", Weight: Said,
		Example: `http: server closed idle connection`,
	},
	{
		Tool: "Go tools", Text: "\": eof", Code: "CONNECTION_CLOSED", Weight: Said, Proven: true,
		Example: `Get "https://shop.azurecr.io/v2/": EOF`,
	},
	{
		Tool: "Docker", Text: "eof", With: "retrying in", Code: "CONNECTION_CLOSED", Weight: Said,
		Example: `44246ca595f6: Retrying in 1 second
EOF`,
	},
	{
		Tool: "Docker", Text: "eof", With: "push", Code: "CONNECTION_CLOSED", Weight: Status,
		Example: `The push refers to repository [shop.azurecr.io/web]
EOF`,
	},
	{
		Tool: "Go tools", Text: "context deadline exceeded", Code: "DEADLINE_EXCEEDED", Weight: Status,
		Example: `rpc error: code = DeadlineExceeded desc = context deadline exceeded`,
	},
}

// phrasingsStorage are what the storage behind a registry says. They count where
// the message is about a registry's data.
var phrasingsStorage = []Phrasing{
	{
		Tool: "all", Text: "docker/registry/v2/blobs…authenticationfailed", Code: "STORAGE_LINK_REFUSED", Weight: Said,
		Example: `Get "https://weu1.blob.core.windows.net/1//docker/registry/v2/blobs/sha256/9c/9c6b/data?sig=x": 403 AuthenticationFailed`,
	},
	{
		Tool: "all", Text: "blob.core.…403", With: "docker/registry", Code: "STORAGE_LINK_REFUSED", Weight: Status,
		Example: `unexpected status from GET request to https://weu1.blob.core.windows.net/1//docker/registry/v2/blobs/sha256/9c/9c6b/data: 403 Server failed to authenticate the request.`,
	},
	{
		Tool: "all", Text: "server failed to authenticate the request", With: "docker/registry", Code: "STORAGE_LINK_REFUSED", Weight: Said,
		Example: `https://weu1.blob.core.windows.net/1//docker/registry/v2/blobs/x: Server failed to authenticate the request.`,
	},
	{
		Tool: "all", Text: "not authorized to perform this operation", With: "docker/registry", Code: "STORAGE_FIREWALL", Weight: Said,
		Example: `https://weu1.blob.core.windows.net/1//docker/registry/v2/blobs/x: This request is not authorized to perform this operation.`,
	},
	{
		Tool: "all", Text: "blobnotfound", With: "docker/registry", Code: "STORAGE_BLOB_MISSING", Weight: Said,
		Example: `https://weu1.blob.core.windows.net/1//docker/registry/v2/blobs/x: BlobNotFound`,
	},
	{
		Tool: "all", Text: "invalidauthenticationinfo", With: "blob.core", Code: "CREDENTIALS_TO_STORAGE", Weight: Said,
		Example: `https://weu1.blob.core.windows.net/1: InvalidAuthenticationInfo: Authentication information is not given in the correct format.`,
	},
	{
		Tool: "all", Text: "serverbusy", With: "blob.core", Code: "STORAGE_BUSY", Weight: Said,
		Example: `https://weu1.blob.core.windows.net/1: 503 ServerBusy: The server is busy.`,
	},
}
