package arm

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
)

// ImportAction is what an identity must be allowed to have ACR import.
const ImportAction = "Microsoft.ContainerRegistry/registries/importImage/action"

// Explain says of a refusal of the resource manager what it means. The registry's
// own catalogue of errors knows nothing of those.
func Explain(what, id string, err error) error {
	var refused *azcore.ResponseError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNoRegistry):
		return &failure.Explained{
			Err: failure.Coded(failure.ExitNotFound, fmt.Errorf("%s: %w", what, err)), Code: "ARM_REGISTRY_NOT_VISIBLE",
			Fix: []string{"az acr show -n NAME --query id  # and give that by --resource-id", "export AZURE_SUBSCRIPTION_ID=…  # where the registry is"},
		}
	case !errors.As(err, &refused):
		return fmt.Errorf("%s: %w", what, err)
	}
	code, exit := "IMPORT_FAILED", failure.ExitFailed
	var fix []string
	switch refused.StatusCode {
	case http.StatusUnauthorized:
		code, exit, fix = "ARM_SIGN_IN_REFUSED", failure.ExitNotSignedIn, []string{"az login", "acrkit whoami REGISTRY"}
	case http.StatusForbidden:
		code, exit = "IMPORT_NOT_ALLOWED", failure.ExitNotAllowed
		if id == "" {
			id = "the registry's resource ID"
		}
		fix = []string{
			"az role assignment create --role 'Container Registry Data Importer and Data Reader' --assignee OBJECT-ID --scope " + id,
			"without --server the same copy goes through this machine",
		}
	case http.StatusNotFound:
		code, exit, fix = "ARM_REGISTRY_NOT_VISIBLE", failure.ExitNotFound, []string{"az acr show -n NAME --query id  # and give that by --resource-id"}
	case http.StatusTooManyRequests:
		code, exit = "ARM_THROTTLED", failure.ExitThrottled
	}
	why := []string{fmt.Sprintf("Azure Resource Manager: %d %s", refused.StatusCode, refused.ErrorCode)}
	if message := messageOf(refused); message != "" {
		why = append(why, failure.Clean(message))
	}
	if code == "IMPORT_NOT_ALLOWED" {
		why = append(why, "needed: the action "+ImportAction+" at the target, and the right to read the source")
	}
	return &failure.Explained{Err: failure.Coded(exit, fmt.Errorf("%s: %s", what, titles[code])), Code: code, Why: why, Fix: fix}
}

// titles says each code in words.
var titles = map[string]string{
	"IMPORT_FAILED":            "ACR did not import it",
	"IMPORT_NOT_ALLOWED":       "this identity may not have ACR import",
	"ARM_SIGN_IN_REFUSED":      "Azure Resource Manager doesn't accept this identity",
	"ARM_THROTTLED":            "Azure Resource Manager throttles this identity",
	"ARM_REGISTRY_NOT_VISIBLE": "there is no such registry for this identity",
}

// messageOf is the message of an error response.
func messageOf(refused *azcore.ResponseError) string {
	if refused.RawResponse == nil {
		return ""
	}
	data, err := runtime.Payload(refused.RawResponse)
	if err != nil {
		return ""
	}
	var body struct {
		Error struct{ Message string }
	}
	if json.Unmarshal(data, &body) != nil {
		return ""
	}
	const most = 1000
	if len(body.Error.Message) > most {
		return body.Error.Message[:most] + "…"
	}
	return body.Error.Message
}
