package wire

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/clock"
	"github.com/acrkit/azcontainerregistry/emulator/internal/memnet"
	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/signin"
	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
)

// dataPathMarker is what the path of every signed blob URL contains (ACR
// protocol §4.4), double slash included.
const dataPathMarker = "//docker/registry/v2/blobs/"

// storageSuffix ends the names of Azure's storage accounts, where signed URLs
// point to by default (ACR protocol §1.1).
const StorageSuffix = ".blob.core.windows.net"

const (
	storageVersion   = "2018-03-28"
	storageServer    = "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0"
	DefaultDataHost  = "eusmanaged12" + StorageSuffix
	signedTimeFormat = "2006-01-02T15:04:05Z"
)

// StorageHost is the host of Azure Storage that blobs are redirected to.
type StorageHost struct {
	store      *store.Store
	clock      *clock.Clock
	Quirks     quirk.Set
	logger     *slog.Logger
	responder  *protocol.Responder
	signer     *signer
	registries []*Registry
}

// IsDataRequest reports whether a request is for the storage host. On a
// loopback server both hosts resolve to the same listener, so the path decides;
// no route of the registry contains two slashes in a row.
func IsDataRequest(r *http.Request) bool {
	return strings.Contains(r.URL.Path, dataPathMarker)
}

// dataHost is the host of a registry's signed URLs.
func (h *StorageHost) dataHost(r *http.Request, reg *Registry) string {
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host, port = r.Host, ""
	}
	switch {
	case reg.DataHost != "":
		return reg.DataHost
	case host == "localhost":
		host = "127.0.0.1"
	case net.ParseIP(strings.Trim(host, "[]")).IsLoopback():
		host = "localhost"
	case strings.EqualFold(host, memnet.BareHost(reg.LoginServer)):
		return DefaultDataHost
	default:
		// The client knows the server by a name of its own; no second one is
		// known to resolve here.
		return r.Host
	}
	if port == "" {
		return host
	}
	return net.JoinHostPort(host, port)
}

// signedURL is the short-lived URL of a blob's bytes (ACR protocol §4.4).
func (h *StorageHost) signedURL(r *http.Request, reg *Registry, digest string) string {
	algorithm, hex, _ := strings.Cut(digest, ":")
	path := fmt.Sprintf("/%s-%s%s%s/%s/%s/data",
		strings.ReplaceAll(reg.ID, "-", ""), reg.ID[:10], dataPathMarker, algorithm, hex[:2], hex)
	expiry := h.clock.Now().Add(reg.Policies().UrlLifetime()).UTC().Format(signedTimeFormat)
	return fmt.Sprintf("%s://%s%s?se=%s&sig=%s&sp=r&spr=https&sr=b&sv=%s&regid=%s",
		memnet.RequestScheme(r), h.dataHost(r, reg), path, url.QueryEscape(expiry),
		url.QueryEscape(h.dataSignature(reg.Registry, path, expiry)), storageVersion, reg.ID)
}

func (h *StorageHost) dataSignature(reg *signin.Registry, path, expiry string) string {
	return base64.StdEncoding.EncodeToString(h.signer.hmac(reg, "data", []byte(path+"\x00"+expiry)))
}

// ServeHTTP serves the storage host: signed GET and HEAD of blobs, and
// nothing that carries an Authorization header.
func (h *StorageHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	h.responder.SetDate(header)
	header.Set("Server", storageServer)
	// The recordings have these names in lower case.
	header["x-ms-request-id"] = []string{protocol.NewGUID()}
	header["x-ms-version"] = []string{storageVersion}
	reg, digest, refusal := h.checkSignedURL(r)
	if refusal != nil {
		h.failData(w, refusal)
		return
	}
	blob, err := h.store.OpenBlob(digest)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			h.logger.Error("blob cannot be read", "digest", digest, "error", err)
			h.failData(w, protocol.ErrStorageInternal)
			return
		}
		h.failData(w, protocol.ErrStorageNotFound)
		return
	}
	defer blob.Close()
	whole := false
	if err := reg.Data.View(func(tx *store.Tx) error { whole = tx.CameWhole(digest); return nil }); err != nil {
		h.logger.Error("blob cannot be looked up", "digest", digest, "error", err)
		h.failData(w, protocol.ErrStorageInternal)
		return
	}
	h.sendBlob(w, r, blob, digest, whole)
}

// checkSignedURL returns the registry and the digest that a request may read.
func (h *StorageHost) checkSignedURL(r *http.Request) (*Registry, string, *protocol.StorageError) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil, "", protocol.ErrStorageMethod
	}
	if len(r.Header.Values("Authorization")) > 0 {
		return nil, "", protocol.ErrStorageAuthorization
	}
	query := r.URL.Query()
	expiry, err := time.Parse(signedTimeFormat, query.Get("se"))
	if err != nil || !h.clock.Now().Before(expiry) {
		return nil, "", protocol.ErrStorageSignature
	}
	for _, reg := range h.registries {
		if reg.ID != query.Get("regid") {
			continue
		}
		want := h.dataSignature(reg.Registry, r.URL.Path, query.Get("se"))
		if !hmac.Equal([]byte(want), []byte(query.Get("sig"))) {
			break
		}
		return reg, dataDigest(r.URL.Path), nil
	}
	return nil, "", protocol.ErrStorageSignature
}

func (h *StorageHost) failData(w http.ResponseWriter, failure *protocol.StorageError) {
	var message strings.Builder
	text := fmt.Sprintf("%s\nRequestId:%s\nTime:%s", failure.Message,
		protocol.HeaderValue(w.Header(), "x-ms-request-id"), h.clock.Now().UTC().Format("2006-01-02T15:04:05.0000000Z"))
	// EscapeText fails only when the writer does.
	_ = xml.EscapeText(&message, []byte(text))
	body := fmt.Sprintf(`<?xml version="1.0" encoding="utf-8"?><Error><Code>%s</Code><Message>%s</Message></Error>`,
		failure.Code, strings.ReplaceAll(message.String(), "&#xA;", "\n"))
	w.Header()["x-ms-error-code"] = []string{failure.Code}
	status := failure.Status
	if failure == protocol.ErrStorageSignature && h.Quirks.Is(quirk.ExpiredURL, "401") {
		status = http.StatusUnauthorized
	}
	protocol.WritePlain(w, status, "application/xml", body)
}

// sendBlob responds with a blob or one range of it. The file goes to the
// response as it is, so that the system can send it without copying.
func (h *StorageHost) sendBlob(w http.ResponseWriter, r *http.Request, blob *os.File, digest string, whole bool) {
	info, err := blob.Stat()
	if err != nil {
		h.logger.Error("blob cannot be read", "digest", digest, "error", err)
		h.failData(w, protocol.ErrStorageInternal)
		return
	}
	size := info.Size()
	header := w.Header()
	start, length, status := int64(0), size, http.StatusOK
	first, last, ok := h.parseRange(r.Header.Get("Range"), size)
	if ok && (first < size || h.Quirks.Is(quirk.BeyondEnd, "416")) {
		if first >= size {
			header.Set("Content-Range", fmt.Sprintf("bytes */%d", size))
			h.failData(w, protocol.ErrStorageRange)
			return
		}
		last = min(last, size-1)
		start, length, status = first, last-first+1, http.StatusPartialContent
		header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, last, size))
	}
	header.Set("Accept-Ranges", "bytes")
	header.Set("Content-Length", strconv.FormatInt(length, 10))
	header.Set("Content-Type", "application/octet-stream")
	header.Set("Last-Modified", info.ModTime().UTC().Format(http.TimeFormat))
	for name, value := range map[string]string{
		protocol.HeaderETag:               fmt.Sprintf(`"0x8D%s"`, strings.ToUpper(digest[len(digest)-13:])),
		"x-ms-blob-type":                  "AppendBlob",
		"x-ms-blob-committed-block-count": "1",
		"x-ms-creation-time":              info.ModTime().UTC().Format(http.TimeFormat),
		"x-ms-lease-state":                "available",
		"x-ms-lease-status":               "unlocked",
		"x-ms-server-encrypted":           "true",
	} {
		header[name] = []string{value}
	}
	if !whole {
		setCopyHeaders(header, r, digest, info)
	}
	if h.Quirks.Is(quirk.StorageDigest, "on") {
		header.Set(protocol.HeaderContentDigest, digest)
	}
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	if _, err := blob.Seek(start, io.SeekStart); err != nil {
		// The length was announced; ending without the bytes breaks the
		// connection, which is what the client has to see.
		h.logger.Error("blob cannot be read", "digest", digest, "error", err)
		return
	}
	if _, err := io.CopyN(w, blob, length); err != nil && r.Context().Err() == nil {
		h.logger.Debug("blob was not sent to its end", "digest", digest, "error", err)
	}
}

// setCopyHeaders sets what the storage host says of a blob that was put together
// from an upload (ACR protocol §4.4).
func setCopyHeaders(header http.Header, r *http.Request, digest string, info fs.FileInfo) {
	id := guidOf(digest)
	for name, value := range map[string]string{
		"x-ms-copy-completion-time": info.ModTime().UTC().Format(http.TimeFormat),
		"x-ms-copy-id":              id,
		"x-ms-copy-progress":        fmt.Sprintf("%d/%[1]d", info.Size()),
		"x-ms-copy-source":          "https://" + r.Host + copySource(r.URL.Path, id),
		"x-ms-copy-status":          "success",
	} {
		header[name] = []string{value}
	}
}

// guidOf is a GUID that stays the same for a digest.
func guidOf(digest string) string {
	_, hex, _ := strings.Cut(digest, ":")
	return hex[:8] + "-" + hex[8:12] + "-4" + hex[13:16] + "-8" + hex[17:20] + "-" + hex[20:32]
}

// copySource is where the bytes of an upload were before it was finished: the
// storage account copies them then (ACR protocol §4.4).
func copySource(path, id string) string {
	account, _, _ := strings.Cut(path, dataPathMarker)
	return account + "/docker/registry/v2/repositories/_uploads/" + id + "/data"
}

// parseRange reads a single range with a start, the form that the storage
// host honours; any other means the whole blob. With the specification's
// ranges, the last bytes can be asked for too, and a range whose end is before
// its start begins past the end of any blob.
func (h *StorageHost) parseRange(value string, size int64) (first, last int64, ok bool) {
	value, ok = strings.CutPrefix(value, "bytes=")
	from, to, dash := strings.Cut(value, "-")
	if !ok || !dash {
		return 0, 0, false
	}
	first, isFirst := parseOffset(from)
	last, isLast := parseOffset(to)
	specified := h.Quirks.Is(quirk.StorageRange, "specification")
	switch {
	case isFirst && to == "":
		return first, math.MaxInt64, true
	case isFirst && isLast && first <= last:
		return first, last, true
	case specified && isFirst && isLast:
		return math.MaxInt64, last, true
	case specified && from == "" && isLast && last > 0:
		return max(size-last, 0), math.MaxInt64, true
	}
	return 0, 0, false
}

// parseOffset reads a number of digits only.
func parseOffset(value string) (int64, bool) {
	if strings.Trim(value, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(value, 10, 64)
	return n, err == nil
}

// dataDigest returns the digest that a path of the storage host names: the
// parts after the marker are algorithm, two digits, the digest's hex, "data".
func dataDigest(path string) string {
	_, rest, ok := strings.Cut(path, dataPathMarker)
	if !ok {
		return ""
	}
	parts := strings.Split(rest, "/")
	if len(parts) < 3 {
		return ""
	}
	return parts[0] + ":" + parts[2]
}
