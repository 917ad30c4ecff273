package diagnose

// rowsHealth are what `az acr check-health` looks at beside the registry: the
// tools of the machine that it runs on. Nothing else finds them, so they have
// no match.
var rowsHealth = []Row{
	{
		Code: "DOCKER_COMMAND_MISSING", Kind: KindLocal, Severity: SeverityWarning,
		Title:   "there is no docker command on this machine's PATH",
		Meaning: "az acr check-health and az acr login run docker. acrkit works without it.",
		Causes: []Cause{
			certain("the shell found no docker command", "check-health ran it"),
			inferred("probably docker is not installed, or is installed for another user or outside of PATH", "command -v docker"),
		},
		Fix:   []string{"command -v docker", "acrkit login {host}"},
		Retry: RetryNo, Link: linkHealth, AzCode: "DOCKER_COMMAND_ERROR",
	},
	{
		Code: "DOCKER_VERSION_UNKNOWN", Kind: KindLocal, Severity: SeverityWarning,
		Title:   "the version of docker could not be found out",
		Meaning: "check-health runs docker --version and reads what it prints.",
		Causes: []Cause{
			certain("docker --version failed, or printed something else", "check-health ran it"),
			inferred("probably the name docker refers to another program, as with podman's or an alias", "docker --version"),
		},
		Fix:   []string{"docker --version"},
		Retry: RetryNo, Link: linkHealth, AzCode: "DOCKER_VERSION_ERROR",
	},
	{
		Code: "DOCKER_PULL_FAILED", Kind: KindNetwork, Severity: SeverityError,
		Title:   "docker could not pull the sample image of check-health",
		Meaning: "check-health pulls mcr.microsoft.com/mcr/hello-world. It comes from Microsoft's public registry, not from yours.",
		Causes: []Cause{
			certain("docker pull failed for an image of mcr.microsoft.com", "check-health ran it"),
			inferred("probably docker's daemon has no route to the internet, or needs a proxy of its own", "docker info shows the daemon's proxy"),
		},
		Fix:   []string{"docker pull mcr.microsoft.com/mcr/hello-world", "acrkit doctor {host}"},
		Retry: RetryLater, Link: linkHealth, AzCode: "DOCKER_PULL_ERROR",
	},
	{
		Code: "HELM_COMMAND_MISSING", Kind: KindLocal, Severity: SeverityWarning,
		Title:   "there is no helm command on this machine's PATH",
		Meaning: "check-health looks for helm, which only those need who push or pull charts.",
		Causes:  []Cause{certain("the shell found no helm command", "check-health ran it")},
		Fix:     []string{"command -v helm", "without charts: az acr check-health -n {registry} --ignore-errors"},
		Retry:   RetryNo, Link: linkHealth, AzCode: "HELM_COMMAND_ERROR",
	},
	{
		Code: "HELM_VERSION_UNSUITABLE", Kind: KindLocal, Severity: SeverityWarning,
		Title:   "the version of helm could not be found out, or is too old",
		Meaning: "Charts are kept as OCI artifacts, which helm does by itself from 3.8 on.",
		Causes: []Cause{
			certain("helm gave no version that check-health takes", "check-health ran helm version"),
			inferred("probably helm is older than version 3", "helm version"),
		},
		Fix:   []string{"helm version"},
		Retry: RetryNo, Link: linkHealth, AzCode: "HELM_VERSION_ERROR",
	},
	{
		Code: "NOTARY_COMMAND_MISSING", Kind: KindLocal, Severity: SeverityInfo,
		Title:   "there is no notary command on this machine's PATH",
		Meaning: "check-health looks for the notary client of Docker content trust. Nothing else needs it; signatures of today are made by notation or cosign.",
		Causes:  []Cause{certain("the shell found no notary command", "check-health ran it")},
		Fix:     []string{"without content trust: az acr check-health -n {registry} --ignore-errors"},
		Retry:   RetryNo, Link: linkHealth, AzCode: "NOTARY_COMMAND_ERROR",
	},
	{
		Code: "NOTARY_VERSION_UNSUITABLE", Kind: KindLocal, Severity: SeverityInfo,
		Title:   "the version of notary could not be found out, or is not one that the Azure CLI takes",
		Meaning: "check-health takes the notary client up to version 0.6.0. Only Docker content trust needs it.",
		Causes:  []Cause{certain("notary gave no version that check-health takes", "check-health ran notary version")},
		Fix:     []string{"notary version", "without content trust: az acr check-health -n {registry} --ignore-errors"},
		Retry:   RetryNo, Link: linkHealth, AzCode: "NOTARY_VERSION_ERROR",
	},
	{
		Code: "CHECK_HEALTH_FAILED", Kind: KindUnknown, Severity: SeverityError,
		Title:   "az acr check-health met a failure that it has no code for",
		Meaning: "The Azure CLI names it UNEXPECTED_ERROR and says no more. Its own log has the rest.",
		Causes:  []Cause{inferred("possibly something that the checks of acrkit doctor name", "acrkit doctor {host}")},
		Fix:     []string{"acrkit doctor {host}", "az acr check-health -n {registry} --debug"},
		Retry:   RetryNo, Link: linkHealth, AzCode: "UNEXPECTED_ERROR",
	},
}
