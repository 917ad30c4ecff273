package diagnose_test

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/emulator"
)

// byFault are scenarios of the emulator's named faults, one for each fault that
// has none among the others: a call of the library that meets it.
var byFault = map[string]scenario{
	"unauthorized":              {code: "UNAUTHORIZED", call: pull},
	"insufficient-scope":        {code: "GRANT_REFUSED", call: pull},
	"invalid-refresh-token":     {code: "REFRESH_TOKEN_REJECTED", call: pull},
	"arm-token-disallowed":      {code: "ARM_TOKEN_DISALLOWED", call: pull},
	"anonymous-disallowed":      {code: "ADMIN_LOGIN_REFUSED", call: pull, client: withPassword("acrkit", "marked-secret")},
	"unknown-application":       {code: "APP_NOT_REGISTERED", call: pull, client: withPassword(stranger, "marked-secret")},
	"invalid-client-secret":     {code: "APP_SECRET_INVALID", call: pull, client: withPassword(somebody, "marked-secret")},
	"user-not-guid":             {code: "USER_NAME_UNKNOWN", call: pull, client: withPassword("nobody", "marked-secret")},
	"incorrect-password":        {code: "CONNECTED_REGISTRY_PASSWORD", call: pull, client: withPassword(ciToken, "marked-secret")},
	"no-role":                   {code: "NO_ROLE", call: pull},
	"no-role-denied":            {code: "NO_ROLE", call: pull},
	"denied":                    {code: "ACCESS_DENIED", call: pull},
	"cmk-forbidden":             {code: "CMK_KEY_FORBIDDEN", call: pull},
	"image-quarantined":         {code: "READ_DISALLOWED", call: pull},
	"cmk-inactive":              {code: "CMK_INACTIVE", call: pull},
	"disallowed":                {code: "READ_DISALLOWED", call: pull},
	"delete-by-tag":             {code: "DELETE_BY_TAG", call: deleteManifest},
	"unsupported":               {code: "UNSUPPORTED", call: pull},
	"plain-404":                 {code: "ROUTE_NOT_FOUND", call: pull},
	"repository-not-found":      {code: "REPOSITORY_NOT_FOUND", call: repositoryProperties},
	"tag-unknown":               {code: "TAG_NOT_FOUND", call: tagProperties},
	"manifest-tag-unknown":      {code: "TAG_NOT_FOUND", call: pull},
	"manifest-digest-unknown":   {code: "MANIFEST_NOT_FOUND", call: pullByDigest},
	"manifest-unknown":          {code: "MANIFEST_NOT_FOUND", call: manifestProperties},
	"accept-oci-manifest":       {code: "ACCEPT_TOO_NARROW", call: pull},
	"accept-oci-index":          {code: "ACCEPT_TOO_NARROW", call: pull},
	"accept-oci-artifact":       {code: "ACCEPT_TOO_NARROW", call: pull},
	"blob-unknown":              {code: "BLOB_NOT_FOUND", call: download},
	"blob-upload-unknown":       {code: "UPLOAD_UNKNOWN", call: uploadChunk},
	"manifest-blob-unknown":     {code: "MANIFEST_BLOB_UNKNOWN", call: push},
	"manifest-invalid":          {code: "MANIFEST_INVALID", call: push},
	"manifest-too-large":        {code: "MANIFEST_TOO_LARGE", call: push},
	"manifest-unverified":       {code: "MANIFEST_UNVERIFIED", call: push},
	"tag-invalid":               {code: "TAG_INVALID", call: push},
	"digest-invalid":            {code: "DIGEST_MALFORMED", call: upload},
	"size-invalid":              {code: "SIZE_INVALID", call: uploadChunk},
	"name-invalid":              {code: "NAME_INVALID", call: mount},
	"pagination-invalid":        {code: "PAGE_SIZE_INVALID", call: listRepositories},
	"blob-upload-range-invalid": {code: "UPLOAD_RANGE_INVALID", call: uploadChunk},
	"internal-error":            {code: "SERVICE_ERROR", call: pull},
	"html-502":                  {code: "GATEWAY_ERROR", call: pull},
	"html-503":                  {code: "SERVICE_UNAVAILABLE", call: pull},
	"html-504":                  {code: "GATEWAY_ERROR", call: pull},
	"half-json":                 {code: "RESPONSE_UNREADABLE", call: repositoryProperties},
	"lost-response":             {code: "SERVICE_UNAVAILABLE", call: push},
	"lost-chunk":                {code: "DIGEST_INVALID", call: uploadByHand},
	"storage-auth":              {code: "CREDENTIALS_TO_STORAGE", call: download},
	"expired-signed-url":        {code: "STORAGE_LINK_REFUSED", call: download},
	"cut-upload":                {code: "UPLOAD_INVALID", call: uploadByHand},
	"reset-upload":              {code: "UPLOAD_INVALID", call: uploadByHand},
	"cut-download":              {code: "DATA_CONNECTION_BROKEN", call: download},
	"reset-download":            {code: "DATA_CONNECTION_BROKEN", call: download},
	"reset":                     {code: "CONNECTION_RESET", either: "CONNECTION_CLOSED", call: pull},
	"no-response":               {code: "CONNECTION_CLOSED", call: pull},
	"stall":                     {code: "DEADLINE_EXCEEDED", call: withinAMinute(pull)},
	"stall-download":            {code: "TRANSFER_STALLED", call: download},
	"corrupt-manifest":          {code: "DIGEST_MISMATCH", call: readManifest},
}

// withoutFailure are the faults that the library gets over.
var withoutFailure = map[string]string{
	"slow":         "the work takes longer",
	"replica-lag":  "what is missing is pushed again",
	"name-unknown": "what is not there needs no deleting",
}

func init() {
	for name, s := range byFault {
		s.fault = name
		scenarios["fault-"+name] = s
	}
}

// TestEveryFaultHasAScenario keeps the emulator's list and this one together.
func TestEveryFaultHasAScenario(t *testing.T) {
	covered := map[string]bool{}
	for s := range maps.Values(scenarios) {
		covered[s.fault] = true
	}
	for _, p := range emulator.FaultPresets() {
		if !covered[p.Name] && withoutFailure[p.Name] == "" {
			t.Errorf("no call meets the fault %q", p.Name)
		}
	}
}

func repositoryProperties(ctx context.Context, c *azcontainerregistry.Client) error {
	_, err := c.GetRepositoryProperties(ctx, "team/app", nil)
	return err
}

func manifestDigest(ctx context.Context, c *azcontainerregistry.Client) (string, error) {
	tag, err := c.GetTagProperties(ctx, "team/app", "v1", nil)
	if err != nil {
		return "", err
	}
	return *tag.Tag.Digest, nil
}

func manifestProperties(ctx context.Context, c *azcontainerregistry.Client) error {
	digest, err := manifestDigest(ctx, c)
	if err == nil {
		_, err = c.GetManifestProperties(ctx, "team/app", digest, nil)
	}
	return err
}

func deleteManifest(ctx context.Context, c *azcontainerregistry.Client) error {
	digest, err := manifestDigest(ctx, c)
	if err == nil {
		_, err = c.DeleteManifest(ctx, "team/app", digest, nil)
	}
	return err
}

func pullByDigest(ctx context.Context, c *azcontainerregistry.Client) error {
	digest, err := manifestDigest(ctx, c)
	if err == nil {
		_, err = c.GetManifest(ctx, "team/app", digest, nil)
	}
	return err
}

func readManifest(ctx context.Context, c *azcontainerregistry.Client) error {
	_, err := layer(ctx, c)
	return err
}

func tagProperties(ctx context.Context, c *azcontainerregistry.Client) error {
	_, err := c.GetTagProperties(ctx, "team/app", "v1", nil)
	return err
}

func mount(ctx context.Context, c *azcontainerregistry.Client) error {
	_, err := c.NewBlobClient().MountBlob(ctx, "team/other", "team/app", "sha256:"+strings.Repeat("ab", 32), nil)
	return err
}

// uploadByHand makes the calls of v0.2.3, which do not go on after a fault: a
// chunk that is repeated after a broken connection has a stale state.
func uploadByHand(ctx context.Context, c *azcontainerregistry.Client) error {
	blobs := c.NewBlobClient()
	started, err := blobs.StartUpload(ctx, "team/app", nil)
	if err != nil {
		return err
	}
	calculator := azcontainerregistry.NewBlobDigestCalculator()
	sent, err := blobs.UploadChunk(ctx, *started.Location, strings.NewReader(strings.Repeat("layer", 20_000)), calculator, nil)
	if err != nil {
		return err
	}
	_, err = blobs.CompleteUpload(ctx, *sent.Location, calculator, nil)
	return err
}

func withinAMinute(call func(context.Context, *azcontainerregistry.Client) error) func(context.Context, *azcontainerregistry.Client) error {
	return func(ctx context.Context, c *azcontainerregistry.Client) error {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		return call(ctx, c)
	}
}
