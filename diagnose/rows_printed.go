package diagnose

// rowsPrinted are failures of other tools, of platforms and of registries that
// are not Azure's: they are recognised in what was printed, by [ExplainText].
var rowsPrinted = []Row{
	{
		Code: "NOT_AZURE_REGISTRY", Kind: KindUnknown, Severity: SeverityError,
		Title: "the failure is another registry's, not one of Azure's",
		Meaning: "What failed was asked of a registry of another vendor, such as Docker Hub's, GitHub's or Amazon's. Nothing of " +
			"Azure's roles, tokens or network rules is involved. An image's name without .azurecr.io refers to Docker Hub.",
		Causes: []Cause{
			inferred("probably the image was meant to be of Azure's registry, and its name lacks <registry>.azurecr.io/", "the name in the tool's own output: docker.io stands there for a name without a registry"),
			inferred("possibly the other registry refuses the caller, or has no such image", "its own documentation and sign-in"),
		},
		Fix: []string{
			"name the image whole: <registry>.azurecr.io/<repository>:<tag>",
			"or sign in to the registry that was asked: docker login {host}",
		},
		Retry: RetryNo,
	},
	{
		Code: "LOGIN_SERVER_MISTYPED", Kind: KindRequest, Severity: SeverityError,
		Title: "{host} is not the form of a login server",
		Meaning: "A registry's login server is its name and one suffix: .azurecr.io, .azurecr.cn or .azurecr.us. A command that " +
			"expects the name alone adds the suffix itself, and one that expects the login server uses it unchanged.",
		Causes: []Cause{
			inferred("probably the suffix is there twice, or is misspelt", "compare {host} with the output of az acr show --query loginServer"),
			inferred("possibly the command looks in another cloud than the registry's", "az cloud show --query name"),
		},
		Fix:   []string{"az acr list --query \"[].loginServer\" -o tsv", "az acr login -n <name without suffix>"},
		Retry: RetryNo, Link: linkAccess,
	},
	{
		Code: "DOCKER_NOT_RUNNING", Kind: KindLocal, Severity: SeverityError,
		Title: "docker's daemon is not reachable on this machine",
		Meaning: "The docker command passes its work to a daemon, and found none. The registry was not asked. az acr login calls " +
			"docker, too.",
		Causes: []Cause{
			certain("the daemon does not respond at the address where the command looks for it", "the command's message"),
			inferred("probably it is not running", "docker info"),
			inferred("possibly DOCKER_HOST or docker's context names another place", "docker context ls"),
		},
		Fix: []string{
			"start it: sudo systemctl start docker, or Docker Desktop",
			"without docker: acrkit login {host}",
		},
		Retry: RetryNo, Link: linkLogin, AzCode: "DOCKER_DAEMON_ERROR",
	},
	{
		Code: "LOCAL_IMAGE_MISSING", Kind: KindNotFound, Severity: SeverityError,
		Title:   "there is no image of that name on this machine to push",
		Meaning: "A push sends an image that was built or pulled before, by its whole name. The registry was not asked for it.",
		Causes: []Cause{
			certain("the local store has no image of that name and tag", "the tool's message"),
			inferred("probably the image was built under another name or tag", "docker image ls"),
		},
		Fix:   []string{"docker image ls", "docker tag <local image> {host}/{repository}:<tag>"},
		Retry: RetryNo,
	},
	{
		Code: "REFERENCE_INVALID", Kind: KindRequest, Severity: SeverityError,
		Title: "the image's name is not in the form of a reference",
		Meaning: "An image is named registry/repository:tag or registry/repository@sha256:…, without https:// before it and in " +
			"lower case up to the tag. The tool refused the name; nothing was asked.",
		Causes: []Cause{
			certain("the tool could not read the name as a reference", "the tool's message"),
			inferred("probably a variable in it is empty, or it has a blank, an https:// or a capital letter in it", "print the name between quotes before it is used"),
		},
		Fix:   []string{"write it as <registry>.azurecr.io/<repository>:<tag>", "az acr list --query \"[].loginServer\" -o tsv"},
		Retry: RetryNo,
	},
	{
		Code: "PLATFORM_NOT_IN_IMAGE", Kind: KindContent, Severity: SeverityError,
		Title: "the image has nothing for this machine's operating system or processor",
		Meaning: "An image is for one platform, or an index lists several. What was read has none that fits. The registry gave " +
			"it; neither rights nor the name are at fault.",
		Causes: []Cause{
			certain("no entry of the image is for the platform that was asked for", "the tool's message"),
			inferred("probably it was built on a machine of another processor, as arm64 is on newer Macs", "acrkit show {host}/{image} lists the platforms"),
			inferred("possibly the pod was put on a node of another operating system", "kubectl get nodes -L kubernetes.io/os,kubernetes.io/arch"),
		},
		Fix: []string{
			"acrkit show {host}/{image}",
			"docker buildx build --platform linux/amd64,linux/arm64 -t {host}/{image} --push .",
			"in Kubernetes: nodeSelector kubernetes.io/os and kubernetes.io/arch; in az acr build: --platform",
		},
		Retry:   RetryNo,
		match:   namesItself("PLATFORM_NOT_IN_IMAGE"),
		observe: []observer{observeNamed},
	},
	{
		Code: "NODE_WITHOUT_CREDENTIALS", Kind: KindAuthentication, Severity: SeverityError,
		Title: "a node of Kubernetes asked {host} without credentials",
		Meaning: "A kubelet signs in by the cluster's identity or by the pod's imagePullSecret. When neither gives credentials " +
			"for the registry, it asks anonymously, and what is shown is the refusal of that request.",
		Causes: []Cause{
			inferred("probably the identity of the node's kubelet has no AcrPull on the registry", "az aks check-acr -g <group> -n <cluster> --acr {host}"),
			inferred("possibly the pod names no imagePullSecret, or the secret is in another namespace or for another host", "kubectl get secret <name> -n <namespace of the pod>"),
			inferred("possibly the image's name is mistyped: a node asks without credentials after that, too", "acrkit ls {host}"),
			inferred("possibly anonymous pull was meant to be on", "az acr show -n {registry} --query anonymousPullEnabled"),
		},
		Fix: []string{
			"az aks update -g <group> -n <cluster> --attach-acr {registry}",
			"acrkit doctor {host}/{repository}",
			"outside AKS: kubectl create secret docker-registry <name> -n <namespace> --docker-server={host} --docker-username=<user> --docker-password=<password>",
		},
		Retry: RetryNo, Link: "https://learn.microsoft.com/troubleshoot/azure/azure-kubernetes/extensions/cannot-pull-image-from-acr-to-aks-cluster",
	},
	{
		Code: "PLATFORM_PULL_FAILED", Kind: KindUnknown, Severity: SeverityError,
		Title: "a platform could not pull the image, and does not say why",
		Meaning: "App Service, Container Apps and Kubernetes report that a pull failed; the reason stands in another log, or in an " +
			"event before this one. \"Pulling image from Docker hub\" is said of every registry.",
		Causes: []Cause{
			inferred("possibly the platform's identity has no AcrPull, or its password is wrong", "az role assignment list --assignee <identity> --all"),
			inferred("possibly {image} is not there", "acrkit show {host}/{image}"),
			inferred("possibly the registry's network rules leave the platform's addresses out", "az acr show -n {registry} --query \"[publicNetworkAccess,networkRuleSet]\""),
		},
		Fix: []string{
			"kubectl describe pod <pod>, or the platform's log stream, shows the reason",
			"acrkit doctor {host}/{repository}",
		},
		Retry: RetryLater,
	},
	{
		Code: "PLATFORM_IMAGE_INACCESSIBLE", Kind: KindUnknown, Severity: SeverityError,
		Title: "the platform calls the image inaccessible, and does not say why",
		Meaning: "Container Instances checks that it can read the image before it makes the group. The one message stands for a " +
			"wrong password, a missing role, a missing image and network rules.",
		Causes: []Cause{
			inferred("possibly the registry's user and password were not given, or are wrong", "az container create --registry-username --registry-password, or --acr-identity"),
			inferred("possibly the identity given has no AcrPull", "az role assignment list --assignee <identity> --all"),
			inferred("possibly {image} is not there", "acrkit show {host}/{image}"),
			inferred("possibly public access is off: Container Instances reaches such a registry by a managed identity and trusted services alone", "az acr show -n {registry} --query publicNetworkAccess"),
		},
		Fix:   []string{"acrkit doctor {host}/{repository}", "acrkit show {host}/{image}"},
		Retry: RetryNo,
	},
	{
		Code: "IMPORT_SOURCE_REFUSED", Kind: KindAuthorization, Severity: SeverityError,
		Title: "an import was refused by the registry that it reads from",
		Meaning: "az acr import makes the target registry read from the source, with the credentials that the command names, or " +
			"none. A docker login on this machine is not used for it.",
		Causes: []Cause{
			certain("the source registry did not give the image to the import", "the response that the import passes on"),
			inferred("probably no credentials for the source were given", "--username and --password, or --registry with the source's resource id"),
			inferred("possibly the source has no such image: Docker Hub returns 401 for that", "docker pull <source>"),
		},
		Fix: []string{
			"az acr import -n <target> --source <source> --username <user> --password <password>",
			"from a registry of Azure's: az acr import -n <target> --registry <resource id of the source> --source <repository>:<tag>",
		},
		Retry: RetryNo, Link: "https://learn.microsoft.com/azure/container-registry/container-registry-import-images",
	},
	{
		Code: "UPSTREAM_THROTTLED", Kind: KindThrottled, Severity: SeverityError,
		Title: "Docker Hub's limit on pulls was reached",
		Meaning: "Docker Hub lets each address, or each account, pull so often in a time. The limit is not Azure's, though builds " +
			"in Azure share addresses and meet it often.",
		Causes: []Cause{
			certain("Docker Hub refused a pull because of its limit", "its own message"),
			inferred("probably the pull was anonymous, and others share its address", "sign in to Docker Hub in the pipeline"),
		},
		Fix: []string{
			"docker login, or az acr task credential add --login-server docker.io",
			"keep the base image in your registry: az acr import, or a cache rule: az acr cache create",
		},
		Retry: RetryLater,
	},
	{
		Code: "HELM_REPO_RETIRED", Kind: KindRequest, Severity: SeverityError,
		Title: "{host} was asked for a chart repository of the old kind",
		Meaning: "helm repo add expects an index.yaml over HTTP. Charts that are pushed as OCI artifacts have none; they are pulled " +
			"by oci:// and their name. Azure's own index under /helm/v1/repo is retired.",
		Causes: []Cause{
			inferred("probably the charts are OCI artifacts, which helm repo add cannot reach", "acrkit ls {host} lists their repositories"),
		},
		Fix: []string{
			"helm registry login {host}",
			"helm pull oci://{host}/<chart> --version <version>",
			"in Chart.yaml: repository: oci://{host}/<path>",
		},
		Retry: RetryNo, Link: "https://learn.microsoft.com/azure/container-registry/container-registry-helm-repos",
	},
	{
		Code: "CONTENT_TRUST_NOT_ALLOWED", Kind: KindAuthorization, Severity: SeverityError,
		Title: "{host} refused to sign {image}",
		Meaning: "Docker Content Trust signs a tag after its push, which needs a right of its own. The push itself may have gone " +
			"through.",
		Causes: []Cause{
			inferred("probably the identity has no role AcrImageSigner", "az role assignment list --assignee <identity> --all"),
			inferred("possibly content trust is off in the registry, or the account is a classic administrator", "az acr config content-trust show -r {registry}"),
		},
		Fix: []string{
			"az role assignment create --assignee <identity> --role AcrImageSigner --scope $(az acr show -n {registry} --query id -o tsv)",
			"without signing: export DOCKER_CONTENT_TRUST=0; content trust is deprecated, notation signs in its place",
		},
		Retry: RetryNo, Link: "https://learn.microsoft.com/azure/container-registry/container-registry-content-trust",
	},
	{
		Code: "SIGNATURE_NOT_FOUND", Kind: KindNotFound, Severity: SeverityError,
		Title: "there is no signature for {image} that fits",
		Meaning: "Signatures are artifacts of their own beside the image. The image itself was found; the registry refused " +
			"nothing.",
		Causes: []Cause{
			certain("no signature beside the image fits what was asked for", "the tool's message"),
			inferred("probably it was copied without its signatures, as az acr import and docker push do", "acrkit tree {host}/{image} lists what is attached"),
			inferred("possibly it was signed by another identity or key, or never", "the place that the image was copied from"),
		},
		Fix: []string{
			"acrkit tree {host}/{image}",
			"copy it with what is attached: acrkit copy <source> {host}/{image}",
		},
		Retry: RetryNo,
	},
	{
		Code: "TASKS_NOT_ALLOWED", Kind: KindAuthorization, Severity: SeverityError,
		Title:   "this subscription may not run ACR Tasks",
		Meaning: "az acr build, az acr run and tasks work on machines of Azure's, which subscriptions on free credit may not use.",
		Causes: []Cause{
			certain("the service does not run tasks for this subscription", "its own message"),
			inferred("probably the subscription is a trial, a student's or on free credit", "az account show"),
		},
		Fix: []string{
			"build elsewhere and push: docker build -t {host}/<repository>:<tag> . && docker push {host}/<repository>:<tag>",
			"upgrade the subscription, or ask Azure's support to allow tasks",
		},
		Retry: RetryNo, Link: "https://aka.ms/azuresupport",
	},
	{
		Code: "TASK_WITHOUT_IDENTITY", Kind: KindAuthentication, Severity: SeverityError,
		Title: "an ACR task has no credentials for a registry that it uses",
		Meaning: "A task signs in to the registry that it runs in, unless that one decides by repository (ABAC). For every other " +
			"registry it needs an identity and a credential of its own; az login and docker login are not used for it.",
		Causes: []Cause{
			inferred("probably the task has no credential for {host}", "az acr task credential list -r <registry of the task> -n <task>"),
			inferred("possibly its identity has no AcrPull there", "az role assignment list --assignee <identity of the task> --all"),
		},
		Fix: []string{
			"az acr task identity assign -r <registry> -n <task> --identities [system]",
			"az acr task credential add -r <registry> -n <task> --login-server {host} --use-identity [system]",
			"for az acr build on a registry with ABAC: --source-acr-auth-id [caller]",
		},
		Retry: RetryNo, Link: "https://learn.microsoft.com/azure/container-registry/container-registry-tasks-cross-registry-authentication",
	},
}
