package diagnose

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"
)

var checksMachine = []check{
	{name: "docker", late: CodeDockerHelperTimeout, run: checkDocker},
	{name: "versions", run: checkVersions},
}

// checkDocker looks at what docker would use for this host. Nothing is sent.
func checkDocker(ctx context.Context, r *doctorRun) outcome {
	if r.options.Stored == nil {
		return notApplicable("docker's store is not looked at")
	}
	stored, err := r.options.Stored(ctx, r.host)
	ev := &evidence{}
	if err != nil {
		ev = gather(err)
		seen := observed(FromMachine, "%s", err.Error())
		code := CodeDockerHelperFailed
		var syntax *json.SyntaxError
		var typed *json.UnmarshalTypeError
		switch {
		case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
			code = CodeDockerHelperTimeout
		case errors.As(err, &syntax), errors.As(err, &typed), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
			code = CodeDockerConfigDamaged
		}
		return outcome{status: StatusOK, findings: []Diagnosis{r.finding(code, ev, seen)}, summary: "can't be read"}
	}
	token := stored.RefreshToken
	if token == "" && stored.Username == nullUser {
		token = stored.Password
	}
	switch {
	case token != "":
		c := parseClaims(token)
		ev.auth.claims = c
		end := c.expiry()
		o := ok("a token in "+clean(stored.Source, 80), observed(FromMachine, "%s holds a token for %s", stored.Source, r.host))
		if end.IsZero() {
			return o
		}
		seen := observed(FromToken, "the stored token expires at %s", end.Format(time.RFC3339))
		o.seen = append(o.seen, seen)
		switch {
		case r.now().After(end):
			o.summary = "the stored token has expired"
			o.findings = append(o.findings, r.finding(CodeDockerCredentialExpired, ev, seen))
		case c.audience() != "" && c.audience() != r.host:
			o.findings = append(o.findings, r.finding(CodeDockerCredentialOther, ev, observed(FromToken, "the stored token is for %s", c.audience())))
		}
		return o
	case stored.Username != "":
		return ok("user "+clean(stored.Username, 64)+" in "+clean(stored.Source, 80), observed(FromMachine, "%s holds the user %s", stored.Source, stored.Username))
	}
	return ok("nothing stored for " + r.host)
}

func checkVersions(_ context.Context, r *doctorRun) outcome {
	var words []string
	o := ok("")
	for _, v := range r.options.Versions {
		words = append(words, v.Name+" "+v.Value)
		o.seen = append(o.seen, observed(FromMachine, "%s %s", v.Name, v.Value))
	}
	o.summary = or(strings.Join(words, ", "), "none given")
	return o
}
