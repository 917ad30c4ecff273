package diagnose_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/internal/diagnosetest"
)

// failures makes, by name, the failures that have no wire form: real ones of
// DNS, TCP, proxies and TLS on loopback, and the library's own errors.
var failures = map[string]func(t *testing.T) error{
	"dns not found":           func(t *testing.T) error { return lookUp(t, "myreg.azurecr.io", rcodeNameError) },
	"dns failed":              func(t *testing.T) error { return lookUp(t, "myreg.azurecr.io", rcodeServerFailure) },
	"dns timeout":             func(t *testing.T) error { return lookUp(t, "myreg.azurecr.io", rcodeSilence) },
	"data host unreachable":   func(t *testing.T) error { return lookUp(t, "eusmanaged12.blob.core.windows.net", rcodeNameError) },
	"answer without location": own(&azcontainerregistry.InvalidResponseError{Missing: azcontainerregistry.ResponsePartLocation}),
	"answer without token": func(*testing.T) error {
		return called(&azcontainerregistry.InvalidResponseError{Missing: azcontainerregistry.ResponsePartToken})
	},
	"disk full":      onDisk("write", syscall.ENOSPC),
	"file denied":    onDisk("open", syscall.EACCES),
	"too many files": onDisk("open", syscall.EMFILE),
	"file not found": func(*testing.T) error { _, err := os.Open("testdata/no-such-file.tar"); return err },
	"digest algorithm": func(*testing.T) error {
		_, err := azcontainerregistry.NewDigestValidationReader("sha512:"+strings.Repeat("ab", 64), strings.NewReader(""))
		return err
	},
	"content not found": func(*testing.T) error { return selfNamed{"CONTENT_NOT_FOUND", "oci:img: no blob sha256:aa"} },
	"file not in image": func(*testing.T) error { return selfNamed{"FILE_NOT_IN_IMAGE", "the image has no /etc/nothing"} },
	"content unsuitable": func(*testing.T) error {
		return selfNamed{"CONTENT_UNSUITABLE", "myreg.azurecr.io/team/app: manifest sha256:aa: it is no index"}
	},
	"several images": func(*testing.T) error {
		return selfNamed{"SEVERAL_IMAGES", "archive a.tar: it holds 2 images, say which one: app:1, app:2"}
	},
	"layout tag not found": func(*testing.T) error { return selfNamed{"LAYOUT_TAG_NOT_FOUND", "oci:img: no tag v2 (there is v1)"} },
	"docker config damaged": func(*testing.T) error {
		return fmt.Errorf("docker's store: /root/.docker/config.json: %w", selfNamed{"DOCKER_CONFIG_DAMAGED", "not the JSON of docker's configuration: line 2, column 1"})
	},
	"transfer not found": func(*testing.T) error { return selfNamed{"TRANSFER_NOT_FOUND", "journal: no transfer 3f573a7255f8"} },
	"not a layout": func(*testing.T) error {
		return selfNamed{"NOT_A_LAYOUT", "oci:img: oci-layout: the folder is not an OCI layout, this file is missing"}
	},
	"folder not empty": func(*testing.T) error {
		return selfNamed{"FOLDER_NOT_EMPTY", "oci:out: the folder: it is neither empty nor an OCI layout"}
	},
	"archive unreadable": func(*testing.T) error {
		return selfNamed{"ARCHIVE_UNREADABLE", "oci:x.tar: the archive: it is empty or not a tar file"}
	},
	"not for docker": func(*testing.T) error {
		return selfNamed{"DOCKER_ARCHIVE_UNSUITABLE", "docker:x.tar: index sha256:aa: a docker archive holds images for one platform"}
	},
	"plan unreadable": func(*testing.T) error { return selfNamed{"PLAN_UNREADABLE", "plan: it is not JSON"} },
	"option invalid": func(*testing.T) error {
		return selfNamed{"OPTION_INVALID", "pattern \"a:b:c\": it has more than one colon"}
	},
	"journal damaged": func(*testing.T) error {
		return selfNamed{"JOURNAL_DAMAGED", "journal: transfer 3f573a7255f8: its file is not JSON"}
	},
	"platform not there": func(*testing.T) error {
		return selfNamed{"PLATFORM_NOT_IN_IMAGE", "index sha256:aa: no platform linux/s390x (there is linux/amd64)"}
	},
	"invalid content": func(*testing.T) error {
		return selfNamed{"INVALID_CONTENT", "oci:img: blob sha256:aa: must have the size that its descriptor says"}
	},
	"exists": func(*testing.T) error { return selfNamed{"EXISTS", "tag v1 already exists and points to sha256:bb"} },
	"in use": func(*testing.T) error { return selfNamed{"IN_USE", "transfer 4d2 is in use by another process"} },
	"plan outdated": func(*testing.T) error {
		return selfNamed{"PLAN_OUTDATED", "team/app:v1 has changed since the plan was made"}
	},
	"identity endpoint unreachable": func(t *testing.T) error {
		return &url.Error{Op: "Get", URL: "http://169.254.169.254/metadata/identity/oauth2/token", Err: connectionRefused(t)}
	},
	"own credential": func(*testing.T) error {
		return called(&azcontainerregistry.CredentialError{Err: errors.New("the key card is not in the reader")})
	},
	"credential refused by a vault": func(t *testing.T) error {
		return called(&azcontainerregistry.CredentialError{Err: diagnosetest.ExchangeError(t, "GET /secrets/acr HTTP/1.1\nHost: contoso.vault.azure.net\n", "HTTP/1.1 403 Forbidden\nContent-Type: application/json\n\n{\"error\":{\"code\":\"Forbidden\"}}", "")})
	},
	"entra unreachable":           func(t *testing.T) error { return lookUp(t, "login.microsoftonline.com", rcodeNameError) },
	"connection refused":          connectionRefused,
	"connection reset":            connectionReset,
	"connection closed":           connectionClosed,
	"private address unreachable": func(t *testing.T) error { return dialled(t, "10.2.0.4:443", os.ErrDeadlineExceeded) },
	"connect timeout":             func(t *testing.T) error { return dialled(t, "203.0.113.9:443", os.ErrDeadlineExceeded) },
	"network unreachable":         func(t *testing.T) error { return dialled(t, "203.0.113.9:443", syscall.ENETUNREACH) },
	"response timeout":            responseTimeout,
	"deadline exceeded":           deadlineExceeded,
	"canceled":                    canceled,
	"proxy unreachable":           func(t *testing.T) error { return throughProxy(t, 0) },
	"proxy refused":               func(t *testing.T) error { return throughProxy(t, http.StatusForbidden) },
	"proxy authentication":        func(t *testing.T) error { return throughProxy(t, http.StatusProxyAuthRequired) },
	"tls unknown authority":       func(t *testing.T) error { return handshake(t, diagnosetest.Certificate{}, false) },
	"tls intercepted": func(t *testing.T) error {
		return handshake(t, diagnosetest.Certificate{Organization: "Zscaler Inc."}, false)
	},
	"tls expired": func(t *testing.T) error {
		return handshake(t, diagnosetest.Certificate{From: -48 * time.Hour, Until: -24 * time.Hour}, true)
	},
	"tls not yet valid": func(t *testing.T) error {
		return handshake(t, diagnosetest.Certificate{From: 24 * time.Hour, Until: 48 * time.Hour}, true)
	},
	"tls name mismatch": func(t *testing.T) error {
		return handshake(t, diagnosetest.Certificate{Names: []string{"other.example"}}, true)
	},
	"tls certificate invalid": func(t *testing.T) error { return handshake(t, diagnosetest.Certificate{OtherUse: true}, true) },
	"tls alert":               tlsAlert,
	"tls timeout":             tlsTimeout,
	"not tls":                 notTLS,
	"argument invalid": func(*testing.T) error {
		return &azcontainerregistry.ArgumentError{Argument: "endpoint", Value: "myreg", Rule: "must be an https URL"}
	},
	"digest mismatch": func(*testing.T) error {
		return &azcontainerregistry.OperationError{Operation: "get blob", Registry: "myreg.azurecr.io", Repository: "team/app", Reference: "sha256:aa", Err: &azcontainerregistry.DigestMismatchError{Expected: "sha256:aa", Actual: "sha256:bb", Size: 12}}
	},
	"size mismatch":        own(&azcontainerregistry.SizeMismatchError{Expected: 10, Actual: 7, Origin: "source"}),
	"source changed":       own(&azcontainerregistry.SourceChangedError{Offset: 4096}),
	"upload not resumable": own(&azcontainerregistry.UploadNotResumableError{Offset: 4096, Err: &url.Error{Op: "Patch", URL: "https://myreg.azurecr.io/v2/", Err: syscall.ECONNRESET}}),
	"transfer stalled":     own(&azcontainerregistry.StalledError{After: time.Minute}),
	"range ignored":        own(&azcontainerregistry.RangeError{Offset: 4096, Length: 4096, Got: "the whole blob"}),
	"untrusted realm":      untrusted("realm"),
	"untrusted location":   untrusted("location"),
	"untrusted link":       untrusted("link"),
	"untrusted redirect":   untrusted("redirect"),
	"listing incomplete": func(*testing.T) error {
		return &azcontainerregistry.IncompleteListingError{Items: 1000, Err: errors.New("the moon is full")}
	},
	"upload lost bytes":      func(*testing.T) error { return diagnose.LostUpload },
	"data connection broken": dataConnectionBroken,
	"answer unreadable": func(*testing.T) error {
		return &azcontainerregistry.OperationError{Operation: "list tags", Registry: "myreg.azurecr.io", Repository: "team/app", Err: json.Unmarshal([]byte(`{"tags":[{"na`), &struct{}{})}
	},
	"retries exhausted": func(*testing.T) error {
		return &azcontainerregistry.RetriesExhaustedError{Attempts: 4, Err: errors.New("the moon is full")}
	},
}

// own is an error of the library, as a method returns it.
func own(err error) func(*testing.T) error {
	return func(*testing.T) error {
		return &azcontainerregistry.OperationError{Operation: "upload blob", Registry: "myreg.azurecr.io", Repository: "team/app", Err: err}
	}
}

// onDisk is a failure of the file system, as package os returns it.
func onDisk(operation string, cause error) func(*testing.T) error {
	return func(*testing.T) error {
		return &azcontainerregistry.OperationError{
			Operation: "download blob", Registry: "myreg.azurecr.io", Repository: "team/app",
			Err: &os.PathError{Op: operation, Path: "/data/layer.tar", Err: cause},
		}
	}
}

// selfNamed is an error of a package that names its row itself.
type selfNamed struct{ code, text string }

func (e selfNamed) Error() string         { return e.text }
func (e selfNamed) DiagnosisCode() string { return e.code }

// called is a failure on the way to a token, as a method returns it.
func called(err error) error {
	return &azcontainerregistry.OperationError{
		Operation: "get manifest", Registry: "myreg.azurecr.io", Repository: "team/app", Reference: "v1",
		Err: &azcontainerregistry.OperationError{Operation: "exchange Entra token for refresh token", Registry: "myreg.azurecr.io", Err: err},
	}
}

func untrusted(kind azcontainerregistry.OriginKind) func(*testing.T) error {
	return func(*testing.T) error {
		return &azcontainerregistry.OperationError{Operation: "get manifest", Registry: "myreg.azurecr.io", Repository: "team/app", Reference: "v1", Err: &azcontainerregistry.UntrustedOriginError{Kind: kind, Got: "https://elsewhere.example", Want: "https://myreg.azurecr.io"}}
	}
}

// get asks for an address by a transport that is closed with the test, and
// returns the error that must come of it.
func get(t *testing.T, ctx context.Context, address string, transport *http.Transport) error {
	t.Helper()
	t.Cleanup(transport.CloseIdleConnections)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err == nil {
		_, err = io.ReadAll(response.Body)
		response.Body.Close()
	}
	if err == nil {
		t.Fatalf("GET %s succeeded", address)
	}
	return err
}

// The answers of the resolver on loopback (RFC 1035 §4.1.1).
const (
	rcodeServerFailure = 2
	rcodeNameError     = 3
	rcodeSilence       = -1
)

// lookUp asks a resolver on loopback, which answers with the given code.
func lookUp(t *testing.T, name string, rcode int) error {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		query := make([]byte, 512)
		for {
			n, from, err := server.ReadFrom(query)
			if err != nil {
				return
			}
			if rcode == rcodeSilence || n < 12 {
				continue
			}
			answer := append([]byte{}, query[:n]...)
			answer[2], answer[3] = 0x81, 0x80|byte(rcode)
			answer[10], answer[11] = 0, 0 // no additional records: the query's own is cut off
			if end := questionEnd(answer); end > 0 {
				answer = answer[:end]
			}
			server.WriteTo(answer, from)
		}
	}()
	t.Cleanup(func() { server.Close(); <-done })
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	if rcode == rcodeSilence {
		ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	}
	defer cancel()
	if rcode == rcodeSilence {
		// A request would end by its context before the resolver's own limit.
		_, err = resolver.LookupHost(ctx, name)
		return &url.Error{Op: "Get", URL: "https://" + name + "/v2/", Err: withoutServer(err)}
	}
	err = get(t, ctx, "https://"+name+"/v2/", &http.Transport{DialContext: (&net.Dialer{Resolver: resolver}).DialContext})
	return withoutServer(err)
}

// withoutServer removes the resolver's address: it is this machine's own, and
// differs between machines.
func withoutServer(err error) error {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		dns.Server = ""
	}
	return err
}

// questionEnd returns where the one question of a DNS message ends.
func questionEnd(message []byte) int {
	for i := 12; i < len(message); i += int(message[i]) + 1 {
		if message[i] == 0 {
			return i + 5
		}
	}
	return 0
}

func connectionRefused(t *testing.T) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	return get(t, t.Context(), "http://"+address+"/v2/", &http.Transport{})
}

// serve accepts connections on loopback until the test ends.
func serve(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var open []net.Conn
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open = append(open, conn)
			handle(conn)
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-done
		for _, conn := range open {
			conn.Close()
		}
	})
	return listener.Addr().String()
}

func connectionReset(t *testing.T) error {
	address := serve(t, func(conn net.Conn) {
		io.ReadFull(conn, make([]byte, 4))
		conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	})
	return get(t, t.Context(), "http://"+address+"/v2/", &http.Transport{})
}

func connectionClosed(t *testing.T) error {
	address := serve(t, func(conn net.Conn) {
		io.ReadFull(conn, make([]byte, 4))
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
		conn.(*net.TCPConn).CloseWrite()
	})
	err := get(t, t.Context(), "http://"+address+"/v2/", &http.Transport{})
	return &url.Error{Op: "Get", URL: "https://myreg.azurecr.io/v2/", Err: err}
}

func dataConnectionBroken(t *testing.T) error {
	address := serve(t, func(conn net.Conn) {
		io.ReadFull(conn, make([]byte, 4))
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
		conn.(*net.TCPConn).CloseWrite()
	})
	err := get(t, t.Context(), "http://"+address+"/v2/", &http.Transport{})
	return &url.Error{Op: "Get", URL: "https://eusmanaged12.blob.core.windows.net/blob?sig=secret-signature", Err: err}
}

func responseTimeout(t *testing.T) error {
	address := serve(t, func(net.Conn) {})
	return get(t, t.Context(), "http://"+address+"/v2/", &http.Transport{ResponseHeaderTimeout: 20 * time.Millisecond})
}

func deadlineExceeded(t *testing.T) error {
	address := serve(t, func(net.Conn) {})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	return get(t, ctx, "http://"+address+"/v2/", &http.Transport{})
}

func canceled(t *testing.T) error {
	address := serve(t, func(net.Conn) {})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return get(t, ctx, "http://"+address+"/v2/", &http.Transport{})
}

// dialled is a failure while dialling an address that a test must not reach.
func dialled(t *testing.T, address string, cause error) error {
	to, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return get(t, t.Context(), "https://myreg.azurecr.io/v2/", &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: to, Err: cause}
		},
	})
}

// throughProxy asks a proxy on loopback, which refuses with the status, or is
// not there when it is 0.
func throughProxy(t *testing.T, status int) error {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	if status == 0 {
		proxy.Close()
	} else {
		t.Cleanup(proxy.Close)
	}
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	return get(t, t.Context(), "https://myreg.azurecr.io/v2/", &http.Transport{Proxy: http.ProxyURL(address)})
}

// handshake asks a TLS server on loopback, which shows the certificate.
func handshake(t *testing.T, c diagnosetest.Certificate, trusted bool) error {
	t.Helper()
	shown, pool := c.Issue(t)
	if !trusted {
		pool = x509.NewCertPool()
	}
	address := serve(t, func(conn net.Conn) {
		server := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{shown}})
		server.Handshake()
	})
	return get(t, t.Context(), "https://myreg.azurecr.io/v2/", &http.Transport{
		DialContext:     diagnosetest.DialTo(address),
		TLSClientConfig: &tls.Config{RootCAs: pool},
	})
}

// leadTo dials one address whatever is asked for.
func tlsAlert(t *testing.T) error {
	shown, pool := diagnosetest.Certificate{}.Issue(t)
	address := serve(t, func(conn net.Conn) {
		tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{shown}, MaxVersion: tls.VersionTLS12, ClientAuth: tls.RequireAnyClientCert}).Handshake()
	})
	return get(t, t.Context(), "https://myreg.azurecr.io/v2/", &http.Transport{
		DialContext:     diagnosetest.DialTo(address),
		TLSClientConfig: &tls.Config{RootCAs: pool},
	})
}

func tlsTimeout(t *testing.T) error {
	address := serve(t, func(net.Conn) {})
	return get(t, t.Context(), "https://myreg.azurecr.io/v2/", &http.Transport{
		DialContext:         diagnosetest.DialTo(address),
		TLSHandshakeTimeout: 20 * time.Millisecond,
	})
}

func notTLS(t *testing.T) error {
	address := serve(t, func(conn net.Conn) {
		io.ReadFull(conn, make([]byte, 4))
		fmt.Fprint(conn, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
	})
	return get(t, t.Context(), "https://myreg.azurecr.io/v2/", &http.Transport{DialContext: diagnosetest.DialTo(address)})
}
