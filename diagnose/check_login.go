package diagnose

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
)

// entraScope is what a credential is asked for, in every cloud (ACR protocol
// §2.11), and entraAudience what the token then names.
const (
	entraScope    = "https://containerregistry.azure.net/.default"
	entraAudience = "https://containerregistry.azure.net"
)

var checksLogin = []check{
	{name: "credential", late: CodeCredentialTimeout, run: checkCredential},
	{name: "exchange", needs: []string{"challenge", "credential"}, late: CodeResponseTimeout, run: checkExchange},
	{name: "token", needs: []string{"exchange"}, late: CodeResponseTimeout, run: checkToken},
	{name: "scopes", needs: []string{"token"}, run: checkScopes},
	{name: "abac", needs: []string{"exchange"}, run: checkABAC},
	{name: "admin user", needs: []string{"credential"}, run: checkAdmin},
}

// checkCredential finds the credential, and asks an Entra one for a token.
func checkCredential(ctx context.Context, r *doctorRun) outcome {
	if r.options.Credential != nil {
		c, err := r.options.Credential(ctx)
		if err != nil {
			return fails(&credentialError{err})
		}
		r.credential = c
	}
	var o outcome
	for _, tried := range r.credential.Tried {
		o.seen = append(o.seen, observed(FromMachine, "%s", tried))
	}
	o.status = StatusOK
	switch c := r.credential; {
	case c.Token != nil:
		return r.askEntra(ctx, o)
	case c.RefreshToken != "":
		o.summary = "a refresh token" + from(c.Source)
		r.refreshToken, r.refresh = c.RefreshToken, parseClaims(c.RefreshToken)
		ev := &evidence{}
		ev.auth.claims = r.refresh
		if end := r.refresh.expiry(); !end.IsZero() && r.now().After(end) {
			o.findings = append(o.findings, r.finding(CodeRefreshTokenExpired, ev, observed(FromToken, "the token expired at %s", end.Format(time.RFC3339))))
		}
	case c.Username != "":
		o.summary = "user " + clean(c.Username, 64) + from(c.Source)
	default:
		o.summary = "anonymous"
	}
	return o
}

func from(source string) string {
	if source == "" {
		return ""
	}
	return ", " + clean(source, 80)
}

func (r *doctorRun) askEntra(ctx context.Context, o outcome) outcome {
	token, err := r.credential.Token.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{entraScope}})
	if err != nil {
		o.err = &credentialError{err}
		return o
	}
	r.entraToken = token.Token
	c := parseClaims(token.Token)
	who := or(c.UPN, or(c.AppID, or(c.ObjectID, c.Subject)))
	o.summary = "Entra, " + clean(or(who, "whose name the token does not tell"), 64) + from(r.credential.Source)
	if c.ok {
		o.seen = append(o.seen, observed(FromToken, "the Entra token belongs to %s of the tenant %s, for %s", or(who, "nobody that it names"), or(c.Tenant, "that it does not name"), or(c.audience(), "nobody")))
	}
	ev := &evidence{}
	ev.auth.claims = c
	end := c.expiry()
	if end.IsZero() {
		end = token.ExpiresOn
	}
	if !end.IsZero() {
		seen := observed(FromToken, "the Entra token expires at %s", end.UTC().Format(time.RFC3339))
		o.seen = append(o.seen, seen)
		if r.now().After(end) {
			o.findings = append(o.findings, r.finding(CodeEntraTokenExpired, ev, seen))
		}
	}
	if audience := strings.TrimSuffix(c.audience(), "/"); c.ok && audience != "" && audience != entraAudience {
		o.findings = append(o.findings, r.finding(CodeEntraAudienceOther, ev, observed(FromToken, "the Entra token is for %s", audience)))
	}
	return o
}

// checkExchange exchanges the Entra token for a refresh token (ACR protocol §2.4).
func checkExchange(ctx context.Context, r *doctorRun) outcome {
	switch {
	case r.refreshToken != "":
		return notApplicable("a refresh token is there already")
	case r.entraToken == "":
		return notApplicable("without an Entra token there is nothing to exchange")
	}
	body, err := r.post(ctx, "/oauth2/exchange", url.Values{
		"grant_type": {"access_token"}, "service": {r.host}, "access_token": {r.entraToken},
	})
	if err != nil {
		return fails(err)
	}
	r.refreshToken = tokenIn(body, "refresh_token")
	if r.refreshToken == "" {
		return fails(&azcontainerregistry.InvalidResponseError{Missing: azcontainerregistry.ResponsePartToken})
	}
	r.refresh = parseClaims(r.refreshToken)
	o := ok("a refresh token")
	if end := r.refresh.expiry(); !end.IsZero() {
		o.summary += " until " + end.Format("15:04 MST")
		o.seen = append(o.seen, observed(FromToken, "the refresh token expires at %s", end.Format(time.RFC3339)))
	}
	if actions := r.refresh.Permissions.Actions; len(actions) > 0 {
		o.seen = append(o.seen, observed(FromToken, "the registry grants this identity: %s", strings.Join(actions, " ")))
	}
	return o
}

// tokenIn reads one member of a token endpoint's response.
func tokenIn(body []byte, member string) string {
	var response map[string]any
	if json.Unmarshal(body, &response) != nil {
		return ""
	}
	token, _ := response[member].(string)
	return token
}

// The actions that the kinds of work need (ACR protocol §2.3).
var (
	repositoryActions = []string{"pull", "push", "delete", "metadata_read", "metadata_write"}
	catalogScope      = scope{"registry", "catalog", []string{"*"}}
)

// checkToken gets an access token for everything that work could need; what is
// granted of it is the next check's matter.
func checkToken(ctx context.Context, r *doctorRun) outcome {
	scopes := []string{catalogScope.String()}
	if r.repository != "" {
		scopes = append(scopes, scope{"repository", r.repository, repositoryActions}.String())
	}
	return r.getToken(ctx, scopes)
}

func (r *doctorRun) getToken(ctx context.Context, scopes []string) outcome {
	fields := url.Values{"service": {r.host}, "scope": {strings.Join(scopes, " ")}}
	switch c := r.credential; {
	case r.refreshToken != "":
		fields.Set("grant_type", "refresh_token")
		fields.Set("refresh_token", r.refreshToken)
	case c.Username != "":
		fields.Set("grant_type", "password")
		fields.Set("username", c.Username)
		fields.Set("password", c.Password)
	default:
		fields.Set("grant_type", "password")
	}
	body, err := r.post(ctx, "/oauth2/token", fields)
	if err != nil {
		return fails(err)
	}
	r.accessToken = tokenIn(body, "access_token")
	if r.accessToken == "" {
		return fails(&azcontainerregistry.InvalidResponseError{Missing: azcontainerregistry.ResponsePartToken})
	}
	r.access = parseClaims(r.accessToken)
	o := ok("an access token")
	if end := r.access.expiry(); !end.IsZero() {
		o.summary += " until " + end.Format("15:04 MST")
	}
	return o
}

// checkScopes compares what the registry granted with what each kind of work
// needs. Without a repository it takes the catalog's first one.
func checkScopes(ctx context.Context, r *doctorRun) outcome {
	if r.repository == "" && grants(r.access.scopes(), "registry", "catalog", "*") {
		repository, err := r.firstRepository(ctx)
		if err != nil {
			return fails(err)
		}
		if r.repository = repository; repository != "" {
			if o := r.getToken(ctx, []string{scope{"repository", repository, repositoryActions}.String(), catalogScope.String()}); o.err != nil {
				return o
			}
		}
	}
	if !r.access.ok {
		return notApplicable("the access token can't be read")
	}
	granted := r.access.scopes()
	ev := &evidence{repository: r.repository, granted: granted}
	ev.auth.claims = r.access
	o := ok("", observed(FromToken, "granted: %s", scopeText(granted)))
	var can, cannot []string
	if grants(granted, "registry", "catalog", "*") {
		can = append(can, "catalog")
	} else {
		cannot = append(cannot, "catalog")
	}
	if r.repository != "" {
		for _, action := range repositoryActions {
			if grants(granted, "repository", r.repository, action) {
				can = append(can, action)
			} else {
				cannot = append(cannot, action)
			}
		}
	}
	o.summary = or(strings.Join(can, ", "), "nothing")
	if r.repository != "" {
		o.summary += " on " + clean(r.repository, 64)
	}
	missing := observed(FromToken, "not granted: %s", strings.Join(cannot, ", "))
	switch {
	case r.target.Repository != "" && !grants(granted, "repository", r.repository, "pull"):
		code := CodePullNotGranted
		// The refresh token, not the access token, tells the mode.
		if ev.auth.claims.ABAC = r.refresh.ABAC; abac(ev) {
			code = CodeABACPullNotGranted
		}
		o.findings = append(o.findings, r.finding(code, ev, missing))
	case len(cannot) > 0:
		o.findings = append(o.findings, r.finding(CodeScopesPartial, ev, missing))
	}
	return o
}

// checkABAC reads from the refresh token how the registry decides (ACR
// protocol §2.10).
func checkABAC(_ context.Context, r *doctorRun) outcome {
	if !r.refresh.ok {
		return notApplicable("a refresh token would tell")
	}
	ev := &evidence{}
	ev.auth.claims = r.refresh
	if abac(ev) {
		seen := observed(FromToken, "the refresh token carries the claim aad_identity")
		return outcome{status: StatusOK, summary: "decides by repository", seen: []Observation{seen}, findings: []Diagnosis{r.finding(CodeABACMode, ev, seen)}}
	}
	return ok("off: classic roles count")
}

// checkAdmin says whether the credential is the admin user's, whose name is the
// registry's own.
func checkAdmin(_ context.Context, r *doctorRun) outcome {
	if r.credential.Username == "" {
		return ok("not used")
	}
	if strings.EqualFold(r.credential.Username, r.registryName()) {
		ev := &evidence{}
		ev.auth.user = r.credential.Username
		return outcome{status: StatusOK, summary: "in use", findings: []Diagnosis{r.finding(CodeAdminUserInUse, ev, observed(FromRequest, "the user name is the registry's own"))}}
	}
	return ok("not used")
}
