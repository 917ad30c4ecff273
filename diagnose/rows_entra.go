package diagnose

import azcontainerregistry "github.com/acrkit/azcontainerregistry"

const (
	linkEntraCodes = "https://learn.microsoft.com/entra/identity-platform/reference-error-codes"
	linkIdentity   = "https://aka.ms/azsdk/go/identity/troubleshoot"
)

// entraRow builds a row for codes of the identity service: they share all but
// their words.
func entraRow(code, title, meaning string, causes []Cause, fix []string, codes ...string) Row {
	return Row{
		Code: code, Kind: KindAuthentication, Severity: SeverityError,
		Title: title, Meaning: meaning, Causes: causes, Fix: fix,
		Retry: RetryNo, Link: linkEntraCodes, AzCode: azRefreshToken,
		Entra: withPrefix(codes), match: aad(codes...),
		see: []sight{sawEntra, sawEntraHost},
	}
}

// withPrefix makes the identity service's codes of their numbers.
func withPrefix(numbers []string) []string {
	codes := make([]string, len(numbers))
	for i, n := range numbers {
		codes[i] = "AADSTS" + n
	}
	return codes
}

// busyCodes are those with which the identity service asks for patience.
var busyCodes = []string{"50196", "90033", "90024"}

const saidSo = "the identity service's own code"

var rowsEntra = []Row{
	entraRow("ENTRA_SECRET_INVALID", "the identity service does not accept the application's secret ({aadsts})",
		"The application exists and the secret is not one of its own.",
		[]Cause{
			certain("the secret that was sent is not one of the application's", saidSo),
			inferred("probably the secret's id was given in place of its value", "a value is longer than a GUID and has no four dashes"),
			inferred("possibly the secret was cut at a special character by the shell", "put it between single quotes"),
		},
		[]string{"az ad sp credential reset --id {app}", "export AZURE_CLIENT_SECRET='<the value>'"}, "7000215"),
	entraRow("ENTRA_SECRET_MISSING", "the sign-in carried neither a secret nor an assertion ({aadsts})",
		"The application has to prove who it is: by a secret, by a certificate, or by the token of a workload that it trusts.",
		[]Cause{
			certain("the request proved nothing about the application", saidSo),
			inferred("probably AZURE_CLIENT_SECRET is empty, or the credential is one for users", "acrkit whoami"),
		},
		[]string{"export AZURE_CLIENT_SECRET='<the value>'", "az ad sp credential reset --id {app}"}, "7000216", "7000218"),
	entraRow("ENTRA_SECRET_EXPIRED", "the application's secret has ended ({aadsts})",
		"Secrets of applications live for at most two years.",
		[]Cause{certain("the secret has ended", saidSo)},
		[]string{"az ad app credential list --id {app} -o table", "az ad sp credential reset --id {app}"}, "7000222"),
	entraRow("ENTRA_APP_UNKNOWN", "the tenant does not know the application ({aadsts})",
		"The application id and the tenant don't fit together.",
		[]Cause{
			certain("the tenant that was asked has no application of that id", saidSo),
			inferred("probably AZURE_CLIENT_ID or AZURE_TENANT_ID is of another tenant", "az ad sp show --id {app}; az account show --query tenantId"),
		},
		[]string{"az ad sp show --id {app}", "az account show --query tenantId"}, "700016", "7000229"),
	entraRow("ENTRA_APP_DISABLED", "the application is disabled ({aadsts})",
		"An administrator, or Microsoft, has switched the application off.",
		[]Cause{certain("the application is disabled in its tenant", saidSo)},
		[]string{"az ad sp update --id {app} --set accountEnabled=true"}, "7000112"),
	entraRow("ENTRA_TENANT_UNKNOWN", "the identity service does not know the tenant ({aadsts})",
		"The tenant's id or domain is mistyped, or lives in another cloud.",
		[]Cause{
			certain("there is no such tenant at the identity service that was asked", saidSo),
			inferred("possibly the tenant is in another cloud (China, US Government)", "az cloud show"),
		},
		[]string{"az account list --query \"[].tenantId\" -o tsv", "export AZURE_TENANT_ID=<tenant>"}, "90002", "900023", "50059", "50128"),
	entraRow("ENTRA_RESOURCE_UNKNOWN", "the tenant does not know what the token was asked for ({aadsts})",
		"Tokens name whom they are for. The tenant has no such resource: the scope is mistyped, or belongs to another cloud.",
		[]Cause{
			certain("the tenant has no resource of that name", saidSo),
			inferred("probably the scope is not https://containerregistry.azure.net/.default", "the client's cloud configuration"),
		},
		[]string{"use the scope https://containerregistry.azure.net/.default"}, "500011", "50001"),
	entraRow("ENTRA_RESOURCE_DISABLED", "the tenant has switched off what the token was asked for ({aadsts})",
		"An administrator can disable the service principal by which a tenant knows a service, such as the registries.",
		[]Cause{certain("the service principal of the resource is disabled in the tenant", saidSo)},
		[]string{"az ad sp list --filter \"servicePrincipalNames/any(n:n eq 'https://containerregistry.azure.net')\" --query \"[].[displayName,accountEnabled]\""}, "500014"),
	entraRow("ENTRA_SCOPE_INVALID", "the identity service does not take the scope that was asked for ({aadsts})",
		"An application asks for everything it was given at once: the resource, followed by /.default.",
		[]Cause{certain("the scope is malformed, or not one that this kind of sign-in can have", saidSo)},
		[]string{"use the scope https://containerregistry.azure.net/.default"}, "70011", "1002012"),
	entraRow("ENTRA_INTERACTION_REQUIRED", "the identity service wants a person to confirm the sign-in ({aadsts})",
		"A policy asks for a second factor or a fresh sign-in, which a program can't give.",
		[]Cause{
			certain("a policy asks for a sign-in by a person", saidSo),
			inferred("probably a user's account is used where a service principal or a managed identity belongs", "acrkit whoami"),
		},
		[]string{"az login --scope https://containerregistry.azure.net/.default", "for jobs: use a managed identity or a service principal"}, "50076", "50079", "50158", "50072", "50074", "50078", "50097", "16000"),
	entraRow("ENTRA_CONDITIONAL_ACCESS", "a conditional access policy blocks the sign-in ({aadsts})",
		"The tenant's policies allow the sign-in only from certain networks, devices or apps.",
		[]Cause{certain("a conditional access policy blocks this sign-in", saidSo)},
		[]string{"ask the tenant's administrator for the sign-in log of the correlation id"}, "53003", "50005", "53000", "53001", "53002", "53004"),
	entraRow("ENTRA_NOT_ASSIGNED", "the user is not assigned to the application ({aadsts})",
		"The application lets in only the users and groups that an administrator has assigned to it.",
		[]Cause{certain("the user is not among those assigned to the application", saidSo)},
		[]string{"ask the tenant's administrator to assign the user to the application {app}"}, "50105"),
	entraRow("ENTRA_SIGN_IN_EXPIRED", "the kept sign-in has ended ({aadsts})",
		"A kept sign-in ends after a time without use, by a policy, or when the password changes.",
		[]Cause{certain("the kept sign-in is no longer valid", saidSo)},
		[]string{"az login", "for jobs: use a managed identity or a service principal"}, "70043", "700082", "50173", "700084", "70008", "50132", "50133", "50089"),
	entraRow("ENTRA_CONSENT_MISSING", "nobody has consented to the application's use of the registry ({aadsts})",
		"A user or an administrator has to allow an application to act for users.",
		[]Cause{certain("the consent that the application needs is missing", saidSo)},
		[]string{"az ad app permission admin-consent --id {app}"}, "65001", "65004", "90094"),
	entraRow("ENTRA_USER_UNKNOWN", "the tenant does not know the user ({aadsts})",
		"The account is not in the tenant, as a member or as a guest.",
		[]Cause{certain("the tenant has no such account", saidSo)},
		[]string{"az login --tenant <tenant>"}, "50034", "50020", "90072", "51004"),
	entraRow("ENTRA_PASSWORD_INVALID", "the identity service does not accept the user's password ({aadsts})",
		"The password is wrong or has ended.",
		[]Cause{certain("the password is wrong or has ended", saidSo)},
		[]string{"az login"}, "50126", "50055", "50056", "50144"),
	entraRow("ENTRA_ACCOUNT_BLOCKED", "the account is locked or disabled ({aadsts})",
		"Too many wrong passwords, or an administrator, locked the account.",
		[]Cause{certain("the account is locked or disabled", saidSo)},
		[]string{"ask the tenant's administrator to unlock the account"}, "50053", "50057"),
	entraRow("ENTRA_FEDERATION_MISMATCH", "no federated credential of the application fits the workload's token ({aadsts})",
		"A workload identity trusts tokens of one issuer, subject and audience; the token that was sent has others.",
		[]Cause{
			certain("issuer, subject or audience of the token fit no federated credential", saidSo),
			inferred("probably the subject is that of another branch, environment or service account", "the subject that the identity service names"),
		},
		[]string{"az identity federated-credential list --identity-name <name> -g <group>", "az ad app federated-credential list --id {app}"}, "70021", "700211", "700212", "700213"),
	entraRow("ENTRA_ASSERTION_EXPIRED", "the workload's token or assertion was not valid at that time ({aadsts})",
		"The token that proves the workload ends after minutes, and its times are compared with the identity service's clock.",
		[]Cause{
			certain("the assertion's times do not cover the present by the identity service's clock", saidSo),
			inferred("probably this machine's clock is wrong", "acrkit doctor compares the clocks"),
			inferred("possibly a job ran longer than its token lives", "the token's exp claim"),
		},
		[]string{"date -u", "read the token's file anew for each sign-in, as azidentity does"}, "700024", "500133"),
	entraRow("ENTRA_CERTIFICATE_UNKNOWN", "the identity service does not know the key that signed the sign-in ({aadsts})",
		"A sign-in by certificate or key is checked with the public half that the application or user has in the tenant. This one is not there, or has ended.",
		[]Cause{
			certain("the identity has no key or certificate that fits the signature", saidSo),
			inferred("probably the certificate was renewed on one side alone", "compare its thumbprint with those that are listed"),
		},
		[]string{"az ad app credential list --id {app} --cert -o table"}, "700027", "135010"),
	{
		Code: "ENTRA_BUSY", Kind: KindThrottled, Severity: SeverityError,
		Title:   "the identity service is busy or throttles ({aadsts})",
		Meaning: "The identity service refuses more requests for a moment, or saw the same request over and over.",
		Causes: []Cause{
			certain("the identity service does not take the request for now", saidSo),
			inferred("probably a program asks for a token again and again in place of keeping it", "count its requests"),
		},
		Fix:   []string{"try again after a minute", "keep one credential for the life of the program"},
		Retry: RetryLater, Link: linkEntraCodes, AzCode: azRefreshToken,
		Entra: withPrefix(busyCodes), match: aad(busyCodes...),
		see: []sight{sawEntra, sawWait, sawEntraHost},
	},
	{
		Code: "ENTRA_REFUSED", Kind: KindAuthentication, Severity: SeverityError,
		Title:   "the identity service refused the sign-in ({aadsts})",
		Meaning: "The identity service answered with a code that has no row of its own. Its words are shown.",
		Causes:  []Cause{inferred("probably the code's page names the cause", "look the code up at the link below")},
		Fix:     []string{"https://login.microsoftonline.com/error shows the meaning of {aadsts}"},
		Retry:   RetryNo, Link: linkEntraCodes, AzCode: azRefreshToken,
		match: entraKind(entraCode),
		rank:  rankGeneral,
		see:   []sight{sawEntra, sawEntraHost},
	},
	{
		Code: "NO_CREDENTIAL_AVAILABLE", Kind: KindAuthentication, Severity: SeverityError,
		Title:   "none of the credentials that were tried could give a token",
		Meaning: "A chain asks one credential after the other. None of them found what it needs on this machine; each one's answer is shown.",
		Causes: []Cause{
			certain("every credential of the chain lacked what it needs", "their own answers"),
			inferred("probably nobody has signed in here with az login, and no identity is assigned to this machine", "az account show"),
		},
		Fix: []string{
			"on a person's machine: az login",
			"for a job: export AZURE_TENANT_ID=<tenant> AZURE_CLIENT_ID={app} AZURE_CLIENT_SECRET=<secret>",
			"in Azure: assign a managed identity",
		},
		Retry: RetryNo, Link: linkIdentity, AzCode: azRefreshToken,
		match: entraKind(entraUnavailable),
		see:   []sight{sawEntra},
	},
	{
		Code: "CLI_NOT_SIGNED_IN", Kind: KindAuthentication, Severity: SeverityError,
		Title:   "the command line that should give a token has nobody signed in",
		Meaning: "The credential runs az, azd or PowerShell and takes the token they print. The program's answer is shown.",
		Causes: []Cause{
			certain("the program that was run asks for a sign-in", "its own answer"),
			inferred("probably nobody has signed in on this machine as this user, or the sign-in has ended", "az account show"),
		},
		Fix:   []string{"az login", "az account get-access-token --scope https://containerregistry.azure.net/.default"},
		Retry: RetryNo, Link: linkIdentity, AzCode: azRefreshToken,
		match: entraKind(entraCLI),
		see:   []sight{sawEntra},
	},
	{
		Code: "CLI_NOT_FOUND", Kind: KindLocal, Severity: SeverityError,
		Title:   "the command line that should give a token is not on this machine's PATH",
		Meaning: "The credential runs az, azd or PowerShell and takes the token they print. There is no such program here.",
		Causes:  []Cause{certain("the shell found no such program", "its own answer")},
		Fix:     []string{"install the Azure CLI: https://aka.ms/azure-cli", "for a job: use a managed identity or a service principal"},
		Retry:   RetryNo, Link: linkIdentity, AzCode: azRefreshToken,
		match: entraKind(entraNoCLI),
		see:   []sight{sawEntra},
	},
	{
		Code: "MANAGED_IDENTITY_UNKNOWN", Kind: KindAuthentication, Severity: SeverityError,
		Title:   "this machine has no managed identity of that kind",
		Meaning: "The managed identity endpoint answered, and has no identity that fits the request.",
		Causes: []Cause{
			certain("the endpoint has no identity that fits", "its own answer"),
			inferred("probably no identity is assigned to this machine, or AZURE_CLIENT_ID names another one", "az vm identity show -n <vm> -g <group>"),
		},
		Fix:   []string{"az vm identity assign -n <vm> -g <group>", "export AZURE_CLIENT_ID=<client-id-of-the-identity>"},
		Retry: RetryNo, Link: linkIdentity, AzCode: azRefreshToken,
		match: entraKind(entraIdentity),
		see:   []sight{sawEntra},
	},
	{
		Code: "MANAGED_IDENTITY_UNREACHABLE", Kind: KindAuthentication, Severity: SeverityError,
		Title:   "no managed identity endpoint answers on this machine",
		Meaning: "Managed identities exist inside Azure alone, where each machine has an endpoint of its own at 169.254.169.254, or one that its environment names.",
		Causes: []Cause{
			certain("the managed identity endpoint gave no usable answer", "the credential's own error"),
			inferred("probably this machine is not in Azure", "curl -s -m 2 -H Metadata:true \"http://169.254.169.254/metadata/instance?api-version=2021-02-01\""),
			inferred("possibly a proxy or a network policy keeps the program from its endpoint, as on AKS", "the same command from the same container"),
		},
		Fix:   []string{"on a person's machine: az login", "export NO_PROXY=169.254.169.254", "on AKS: use a workload identity"},
		Retry: RetryLater, Link: linkIdentity, AzCode: azRefreshToken,
		match: either(entraKind(entraNoEndpoint), all(either(noConnection, brokenConnection), toMachine)),
		see:   []sight{sawEntra},
	},
	{
		Code: "WORKLOAD_IDENTITY_INCOMPLETE", Kind: KindLocal, Severity: SeverityError,
		Title:   "what a workload identity needs is not in this pod",
		Meaning: "The webhook of workload identity puts three variables and a token file into a pod. One of them is missing.",
		Causes: []Cause{
			certain("the client id, the tenant id or the token file is missing", "the credential's own error"),
			inferred("probably the pod lacks the label azure.workload.identity/use: \"true\", or its service account the annotation with the client id", "kubectl get pod <pod> -o yaml"),
		},
		Fix:   []string{"kubectl get pod <pod> -o yaml | grep -i azure", "kubectl annotate serviceaccount <account> azure.workload.identity/client-id=<client-id>"},
		Retry: RetryNo, Link: linkIdentity, AzCode: azRefreshToken,
		match: entraKind(entraWorkload),
		see:   []sight{sawEntra},
	},
	{
		Code: "SIGN_IN_NEEDS_PERSON", Kind: KindAuthentication, Severity: SeverityError,
		Title:   "the credential waits for a person to sign in",
		Meaning: "The credential is an interactive one and was told not to ask by itself.",
		Causes:  []Cause{certain("the credential can't get a token without a person", "its own answer")},
		Fix:     []string{"call the credential's Authenticate first", "for jobs: use a managed identity or a service principal"},
		Retry:   RetryNo, Link: linkIdentity, AzCode: azRefreshToken,
		match: entraKind(entraInteraction),
		see:   []sight{sawEntra},
	},
	{
		Code: "CREDENTIAL_FAILED", Kind: KindAuthentication, Severity: SeverityError,
		Title:   "the credential gave no token",
		Meaning: "The credential failed for a reason that the catalogue does not know. Its own words are shown.",
		Causes:  []Cause{inferred("possibly it is set up for another machine or cloud", "acrkit whoami")},
		Fix:     []string{"acrkit whoami", "AZURE_SDK_GO_LOGGING=all shows what the credential does"},
		Retry:   RetryNo, Link: linkIdentity, AzCode: azRefreshToken,
		match: either(entraKind(entraOther), all(ofCredential, entraKind(""))),
		rank:  rankGeneral,
		see:   []sight{sawEntra, sawMessage, sawBody, sawAnswer},
	},
}

// ofCredential reports whether a credential failed, whatever its error.
func ofCredential(x *exchange) bool {
	if _, ok := find[*azcontainerregistry.CredentialError](x); ok {
		return true
	}
	_, ok := find[*credentialError](x)
	return ok
}

// sawEntraHost shows where the identity service was asked.
var sawEntraHost sight = func(x *exchange, see func(Origin, string, ...any)) {
	if x.phase == phaseEntra {
		see(FromEntra, "%s answered %d", x.host, x.status)
	}
}
