package printed

// phrasingsPlatform are what Kubernetes, Azure's platforms and tools about
// images say themselves.
var phrasingsPlatform = []Phrasing{
	{
		Tool: "kubelet, containerd", Text: "no match for platform in manifest", Code: "PLATFORM_NOT_IN_IMAGE", Weight: Said, Proven: true,
		Example: `failed to pull and unpack image "shop.azurecr.io/web:1.0": no match for platform in manifest: not found`,
	},
	{
		Tool: "Docker", Text: "no matching manifest for", Code: "PLATFORM_NOT_IN_IMAGE", Weight: Said, Proven: true,
		Example: `no matching manifest for linux/arm64/v8 in the manifest list entries`,
	},
	{
		Tool: "Docker", Text: "cannot be used on this platform", Code: "PLATFORM_NOT_IN_IMAGE", Weight: Said, Proven: true,
		Example: `image operating system "windows" cannot be used on this platform: operating system is not supported`,
	},
	{
		Tool: "podman, skopeo", Text: "no image found in…for architecture", Code: "PLATFORM_NOT_IN_IMAGE", Weight: Said, Proven: true,
		Example: `choosing an image from manifest list docker://shop.azurecr.io/web:1.0: no image found in image index for architecture "arm64", variant "v8", OS "linux"`,
	},
	{
		Tool: "crane", Text: "no child with platform", Code: "PLATFORM_NOT_IN_IMAGE", Weight: Said, Proven: true,
		Example: `Error: no child with platform linux/arm64 in index shop.azurecr.io/web:1.0`,
	},
	{
		Tool: "regctl", Text: "platform not found", Code: "PLATFORM_NOT_IN_IMAGE", Weight: Said,
		Example: `failed to get platform specific digest: platform not found: linux/arm64`,
	},
	{
		Tool: "Docker", Text: "does not match the specified platform", Code: "PLATFORM_NOT_IN_IMAGE", Weight: Said,
		Example: `image with reference shop.azurecr.io/web:1.0 was found but does not match the specified platform: wanted linux/arm64, actual: linux/amd64`,
	},
	{
		Tool: "Docker", Text: "was found but does not provide the specified platform", Code: "PLATFORM_NOT_IN_IMAGE", Weight: Said,
		Example: `image with reference shop.azurecr.io/web:1.0 was found but does not provide the specified platform (linux/arm64)`,
	},
	{
		Tool: "containers", Text: "exec format error", Code: "PLATFORM_NOT_IN_IMAGE", Weight: Status,
		Example: `exec /app/server: exec format error`,
	},
	{
		Tool: "cosign", Text: "no signatures found", Code: "SIGNATURE_NOT_FOUND", Weight: Said, Proven: true,
		Example: `Error: no signatures found`,
	},
	{
		Tool: "cosign", Text: "no matching signatures", Code: "SIGNATURE_NOT_FOUND", Weight: Said,
		Example: `Error: no matching signatures: none of the expected identities matched what was in the certificate`,
	},
	{
		Tool: "cosign", Text: "no matching attestations", Code: "SIGNATURE_NOT_FOUND", Weight: Said,
		Example: `Error: no matching attestations`,
	},
	{
		Tool: "notation", Text: "no signature is associated with", Code: "SIGNATURE_NOT_FOUND", Weight: Said, Proven: true,
		Example: `Error: signature verification failed: no signature is associated with "shop.azurecr.io/web@sha256:9c6b", make sure the artifact was signed successfully`,
	},
	{
		Tool: "Docker", Text: "remote trust data does not exist", Code: "SIGNATURE_NOT_FOUND", Weight: Said,
		Example: `Error: remote trust data does not exist for shop.azurecr.io/web: notary.shop.azurecr.io does not have trust data`,
	},
	{
		Tool: "Bicep", Text: "unable to restore the artifact…the artifact does not exist in the registry", Code: "TAG_NOT_FOUND", Weight: Said,
		Example: `Error BCP192: Unable to restore the artifact with reference "br:shop.azurecr.io/bicep/storage:v1": The artifact does not exist in the registry.`,
	},
	{
		Tool: "Azure App Service", Text: "imagepullunauthorizedfailure", Code: "UNAUTHORIZED", Weight: Status,
		Example: `ImagePullUnauthorizedFailure`,
	},
	{
		Tool: "Azure App Service", Text: "image pull failed with unauthorized failure", Code: "UNAUTHORIZED", Weight: Status,
		Example: `Failed to pull image: shop.azurecr.io/web:1.0. Image pull failed with Unauthorized failure. Check registry credentials.`,
	},
	{
		Tool: "Azure App Service", Text: "imagepullforbiddenfailure", Code: "ACCESS_DENIED", Weight: Status, Causes: forbiddenCauses,
		Example: `ImagePullForbiddenFailure`,
	},
	{
		Tool: "Azure App Service", Text: "image pull failed with forbidden failure", Code: "ACCESS_DENIED", Weight: Status, Causes: forbiddenCauses,
		Example: `Failed to pull image: shop.azurecr.io/web:1.0. Image pull failed with Forbidden failure.`,
	},
	{
		Tool: "Azure App Service", Text: "imagepullnotfoundfailure", Code: "TAG_NOT_FOUND", Weight: Status,
		Example: `ImagePullNotFoundFailure`,
	},
	{
		Tool: "Azure App Service", Text: "imagepullfailure", Code: "PLATFORM_PULL_FAILED", Weight: Vague,
		Example: `ImagePullFailure`,
	},
	{
		Tool: "Azure App Service", Text: "image pull failed", Code: "PLATFORM_PULL_FAILED", Weight: Vague,
		Example: `Image pull failed: Verify docker image configuration and credentials (if using private repository)`,
	},
	{
		Tool: "Azure App Service", Text: "pull image failed", Code: "PLATFORM_PULL_FAILED", Weight: Vague,
		Example: `ERROR - Image pull failed: Pull image failed`,
	},
	{
		Tool: "Azure App Service", Text: "container could not be started…image", Code: "PLATFORM_PULL_FAILED", Weight: Vague,
		Example: `Site's container could not be started, check the image's configuration`,
	},
	{
		Tool: "Azure Container Apps", Text: "persistent image pull errors", Code: "PLATFORM_PULL_FAILED", Weight: Vague,
		Example: `Persistent Image Pull Errors for image "shop.azurecr.io/web:1.0". Please check https://aka.ms/createbadimage`,
	},
	{
		Tool: "Azure Container Apps", Text: "unable to pull image using managed identity", Code: "PLATFORM_PULL_FAILED", Weight: Said,
		Example: `Field 'template.containers.web.image' is invalid with details: 'Invalid value: "shop.azurecr.io/web:1.0": unable to pull image using Managed identity system for registry shop.azurecr.io';`,
	},
	{
		Tool: "Azure Container Apps", Text: "container image pull failed", Code: "PLATFORM_PULL_FAILED", Weight: Vague,
		Example: `Container 'web' was terminated: Container image pull failed`,
	},
	{
		Tool: "Azure Container Apps", Text: "imagepullfailed", Code: "PLATFORM_PULL_FAILED", Weight: Vague,
		Example: `Reason: ImagePullFailed`,
	},
	{
		Tool: "kubelet", Text: "errimagepull", Code: "PLATFORM_PULL_FAILED", Weight: Vague,
		Example: `Warning  Failed  3s  kubelet  Error: ErrImagePull`,
	},
	{
		Tool: "kubelet", Text: "imagepullbackoff", Code: "PLATFORM_PULL_FAILED", Weight: Vague,
		Example: `Warning  Failed  3s  kubelet  Error: ImagePullBackOff`,
	},
	{
		Tool: "kubelet", Text: "back-off pulling image", Code: "PLATFORM_PULL_FAILED", Weight: Vague,
		Example: `Normal  BackOff  3s  kubelet  Back-off pulling image "shop.azurecr.io/web:1.0"`,
	},
	{
		Tool: "Azure Container Instances", Text: "inaccessibleimage", Code: "PLATFORM_IMAGE_INACCESSIBLE", Weight: Said,
		Example: `(InaccessibleImage) The image 'shop.azurecr.io/web:1.0' in container group 'web' is not accessible. Please check the image and registry credential.`,
	},
	{
		Tool: "Azure Container Instances", Text: "is not accessible. please check the image", Code: "PLATFORM_IMAGE_INACCESSIBLE", Weight: Said,
		Example: `The image 'shop.azurecr.io/web:1.0' in container group 'web' is not accessible. Please check the image and registry credential.`,
	},
	{
		Tool: "ACR Tasks", Text: "tasksoperationsnotallowed", Code: "TASKS_NOT_ALLOWED", Weight: Said, Proven: true,
		Example: `ERROR: (TasksOperationsNotAllowed) ACR Tasks requests for the registry shop and 00000000-0000-0000-0000-000000000000 are not permitted.`,
	},
	{
		Tool: "ACR Tasks", Text: "acr tasks requests for the registry", Code: "TASKS_NOT_ALLOWED", Weight: Said, Proven: true,
		Example: `ACR Tasks requests for the registry shop are not supported since the subscription is using the free Azure credit payment plan`,
	},
	{
		Tool: "ACR Tasks", Text: "at least one credential is required", Code: "TASK_WITHOUT_IDENTITY", Weight: Said, Proven: true,
		Example: `failed to create task: when specifying push, at least one credential is required`,
	},
	{
		Tool: "az acr import", Text: "an error occurred when getting manifest. statuscode: 401", Code: "IMPORT_SOURCE_REFUSED", Weight: Said, Proven: true,
		Example: `An error occurred when getting manifest. StatusCode: 401, Reason: Unauthorized`,
	},
	{
		Tool: "az acr import", Text: "an error occurred when getting manifest. statuscode: 403", Code: "IMPORT_SOURCE_REFUSED", Weight: Said, Proven: true,
		Example: `An error occurred when getting manifest. StatusCode: 403, Reason: Forbidden`,
	},
	{
		Tool: "az acr import", Text: "an error occurred when getting manifest", Code: "IMPORT_SOURCE_REFUSED", Weight: Status,
		Example: `An error occurred when getting manifest. StatusCode: 404, Reason: Not Found`,
	},
	{
		Tool: "az acr import", Text: "invalid message unauthorized", Code: "IMPORT_SOURCE_REFUSED", Weight: Said, Proven: true,
		Example: `Deployment failed. Operation registries-1 failed. Resource /subscriptions/x/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/shop Invalid message Unauthorized Unauthorized {"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`,
	},
	{
		Tool: "az acr import", Text: "operation registries-…unauthorized", Code: "IMPORT_SOURCE_REFUSED", Weight: Said,
		Example: `(Unauthorized) Operation registries-1 failed. Resource /subscriptions/x/providers/Microsoft.ContainerRegistry/registries/shop unauthorized: authentication required`,
	},
	{
		Tool: "az acr import", Text: "failed to fetch manifest…source", Code: "IMPORT_SOURCE_REFUSED", Weight: Status,
		Example: `failed to fetch manifest from the source registry: unauthorized`,
	},
	{
		Tool: "az acr import", Text: "already exists in target registry", Code: "CONFLICT", Weight: Said,
		Example: `ERROR: (Conflict) Operation registries-1 failed. Tag web:1.0 already exists in target registry.`,
	},
}

// phrasingsLocal are the failures of the machine that a tool runs on.
var phrasingsLocal = []Phrasing{
	{
		Tool: "Docker", Text: "permission denied while trying to connect to the docker", Code: "FILE_DENIED", Weight: Said,
		Example: `permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.45/containers/json": dial unix /var/run/docker.sock: connect: permission denied`,
	},
	{
		Tool: "Docker", Text: "dial unix…permission denied", Code: "FILE_DENIED", Weight: Said,
		Example: `dial unix /var/run/docker.sock: connect: permission denied`,
	},
	{
		Tool: "Docker", Text: "cannot connect to the docker daemon", Code: "DOCKER_NOT_RUNNING", Weight: Said, Proven: true,
		Example: `Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?`,
	},
	{
		Tool: "Docker", Text: "is the docker daemon running", Code: "DOCKER_NOT_RUNNING", Weight: Said, Proven: true,
		Example: `ERROR: Is the docker daemon running?`,
	},
	{
		Tool: "Docker", Text: "docker daemon is not running", Code: "DOCKER_NOT_RUNNING", Weight: Said,
		Example: `error during connect: this error may indicate that the docker daemon is not running`,
	},
	{
		Tool: "Docker", Text: "error during connect", Code: "DOCKER_NOT_RUNNING", Weight: Said,
		Example: `error during connect: Get "http://%2F%2F.%2Fpipe%2FdockerDesktopLinuxEngine/v1.45/info": open //./pipe/dockerDesktopLinuxEngine: The system cannot find the file specified.`,
	},
	{
		Tool: "Docker", Text: "failed to connect to the docker api", Code: "DOCKER_NOT_RUNNING", Weight: Said,
		Example: `failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct and if the daemon is running`,
	},
	{
		Tool: "Docker", Text: "dial unix…docker.sock: connect: no such file", Code: "DOCKER_NOT_RUNNING", Weight: Said,
		Example: `dial unix /var/run/docker.sock: connect: no such file or directory`,
	},
	{
		Tool: "Docker", Text: "dial unix…docker.sock: connect: connection refused", Code: "DOCKER_NOT_RUNNING", Weight: Said,
		Example: `dial unix /run/user/1000/docker.sock: connect: connection refused`,
	},
	{
		Tool: "Azure CLI", Text: "requires running the docker daemon", Code: "DOCKER_NOT_RUNNING", Weight: Said,
		Example: `This command requires running the docker daemon, which is not supported in Azure Cloud Shell.`,
	},
	{
		Tool: "podman", Text: "cannot connect to podman", Code: "DOCKER_NOT_RUNNING", Weight: Said,
		Example: `Cannot connect to Podman. Please verify your connection to the Linux system using podman system connection list`,
	},
	{
		Tool: "Docker", Text: "an image does not exist locally with the tag", Code: "LOCAL_IMAGE_MISSING", Weight: Said, Proven: true,
		Example: `An image does not exist locally with the tag: shop.azurecr.io/web`,
	},
	{
		Tool: "Docker", Text: "tag does not exist: ", Code: "LOCAL_IMAGE_MISSING", Weight: Said, Proven: true,
		Example: `tag does not exist: shop.azurecr.io/web:1.0`,
	},
	{
		Tool: "Docker", Text: "no such image: ", Code: "LOCAL_IMAGE_MISSING", Weight: Said, Proven: true,
		Example: `Error response from daemon: No such image: shop.azurecr.io/web:1.0`,
	},
	{
		Tool: "podman, buildah", Text: "image not known", Code: "LOCAL_IMAGE_MISSING", Weight: Said, Proven: true,
		Example: `Error: shop.azurecr.io/web:1.0: image not known`,
	},
	{
		Tool: "podman", Text: "failed to find image", Code: "LOCAL_IMAGE_MISSING", Weight: Said,
		Example: `Error: unable to push: failed to find image shop.azurecr.io/web:1.0 locally`,
	},
	{
		Tool: "Docker", Text: "name must be lowercase", Code: "NAME_NOT_ROUTABLE", Weight: Said,
		Example: `ERROR: invalid tag "shop.azurecr.io/Web:1.0": repository name must be lowercase`,
	},
	{
		Tool: "Docker", Text: "name…must be lowercase", Code: "NAME_NOT_ROUTABLE", Weight: Said,
		Example: `invalid reference format: repository name (library/Web) must be lowercase`,
	},
	{
		Tool: "all", Text: "invalid reference format", Code: "REFERENCE_INVALID", Weight: Said, Proven: true,
		Example: `docker: invalid reference format.`,
	},
	{
		Tool: "crane", Text: "could not parse reference", Code: "REFERENCE_INVALID", Weight: Said, Proven: true,
		Example: `Error: parsing reference "shop.azurecr.io/web:1.0:2": could not parse reference: shop.azurecr.io/web:1.0:2`,
	},
	{
		Tool: "crane", Text: "parsing reference \"", Code: "REFERENCE_INVALID", Weight: Said,
		Example: `Error: parsing reference "shop.azurecr.io/we b:1": repository can only contain the characters`,
	},
	{
		Tool: "oras, helm", Text: "invalid reference: ", Code: "REFERENCE_INVALID", Weight: Said, Proven: true,
		Example: `Error: invalid reference: invalid repository "We b"`,
	},
	{
		Tool: "kubelet", Text: "invalidimagename", Code: "REFERENCE_INVALID", Weight: Said, Proven: true,
		Example: `Warning  InspectFailed  kubelet  Error: InvalidImageName`,
	},
	{
		Tool: "kubelet", Text: "couldn't parse image", Code: "REFERENCE_INVALID", Weight: Said, Proven: true,
		Example: `Failed to apply default image tag "https://shop.azurecr.io/web:1.0": couldn't parse image name`,
	},
	{
		Tool: "Docker, buildx", Text: "invalid tag \"", Code: "REFERENCE_INVALID", Weight: Said,
		Example: `ERROR: invalid tag "https://shop.azurecr.io/web:1.0": invalid reference format`,
	},
	{
		Tool: "Azure CLI, Docker on Windows", Text: "because it is being used by another process", Code: "IN_USE", Weight: Said,
		Example: `Error saving credentials: open C:\Users\me\.docker\config.json: The process cannot access the file because it is being used by another process.`,
	},
	{
		Tool: "Docker", Text: "error storing credentials", Code: "DOCKER_HELPER_FAILED", Weight: Said,
		Example: "Error saving credentials: error storing credentials - err: exit status 1, out: `The stub received bad data.`",
	},
	{
		Tool: "Docker", Text: "error getting credentials", Code: "DOCKER_HELPER_FAILED", Weight: Said,
		Example: "error getting credentials - err: exec: \"docker-credential-desktop\": executable file not found in $PATH, out: ``",
	},
	{
		Tool: "Docker", Text: "docker-credential-…executable file not found", Code: "DOCKER_HELPER_FAILED", Weight: Said,
		Example: `exec: "docker-credential-desktop.exe": executable file not found in $PATH`,
	},
	{
		Tool: "Docker", Text: "error saving credentials…permission denied", Code: "FILE_DENIED", Weight: Said,
		Example: `Error saving credentials: open /home/me/.docker/config.json123: permission denied`,
	},
	{
		Tool: "Docker", Text: "error saving credentials", Code: "DOCKER_HELPER_FAILED", Weight: Status,
		Example: `Error saving credentials: rename config.json123 config.json: device or resource busy`,
	},
	{
		Tool: "Docker", Text: "error loading config file", None: []string{"permission denied"}, Code: "DOCKER_CONFIG_DAMAGED", Weight: Said,
		Example: `WARNING: Error loading config file: /home/me/.docker/config.json: invalid character '}' looking for beginning of object key string`,
	},
	{
		Tool: "Docker", Text: "config.json: invalid character", Code: "DOCKER_CONFIG_DAMAGED", Weight: Said,
		Example: `/home/me/.docker/config.json: invalid character '}' looking for beginning of object key string`,
	},
	{
		Tool: "Docker", Text: "error loading config file…permission denied", Code: "FILE_DENIED", Weight: Said,
		Example: `WARNING: Error loading config file: open /root/.docker/config.json: permission denied`,
	},
	{
		Tool: "all", Text: "no space left on device", Code: "DISK_FULL", Weight: Said, Proven: true,
		Example: `failed to register layer: write /usr/lib/x.so: no space left on device`,
	},
	{
		Tool: "all", Text: "not enough space on the disk", Code: "DISK_FULL", Weight: Said, Proven: true,
		Example: `re-exec error: write C:\layer.tar: There is not enough space on the disk.`,
	},
	{
		Tool: "kubelet", Text: "disk quota exceeded", Code: "DISK_FULL", Weight: Said,
		Example: `failed to copy: write /var/lib/containerd/ingest/1/data: disk quota exceeded`,
	},
	{
		Tool: "all", Text: "too many open files", Code: "TOO_MANY_FILES", Weight: Said, Proven: true,
		Example: `dial tcp: lookup shop.azurecr.io: socket: too many open files`,
	},
	{
		Tool: "kubelet, containerd", Text: "failed size validation", Code: "SIZE_MISMATCH", Weight: Said,
		Example: `failed commit on ref "layer-sha256:9c6b": "layer-sha256:9c6b" failed size validation: 131237591 != 214923389: failed precondition`,
	},
	{
		Tool: "kubelet, containerd", Text: "unexpected commit digest", Code: "DIGEST_MISMATCH", Weight: Said,
		Example: `failed commit on ref "layer-sha256:9c6b": unexpected commit digest sha256:1f, expected sha256:9c6b: failed precondition`,
	},
	{
		Tool: "Docker", Text: "filesystem layer verification failed", Code: "DIGEST_MISMATCH", Weight: Said,
		Example: `filesystem layer verification failed for digest sha256:9c6b`,
	},
	{
		Tool: "podman, skopeo", Text: "digest did not match", Code: "DIGEST_MISMATCH", Weight: Said,
		Example: `writing blob: storing blob to file: digest did not match, expected sha256:9c6b, got sha256:1f`,
	},
	{
		Tool: "podman, skopeo", Text: "does not match…digest sha256:", None: []string{"platform"}, Code: "DIGEST_MISMATCH", Weight: Said,
		Example: `Error: manifest does not match provided manifest digest sha256:9c6b`,
	},
	{
		Tool: "skopeo", Text: "digest sha256:…does not match expected sha256:", Code: "DIGEST_MISMATCH", Weight: Said,
		Example: `Download config.json digest sha256:a651 does not match expected sha256:df66`,
	},
	{
		Tool: "oras", Text: "mismatched digest", Code: "DIGEST_MISMATCH", Weight: Said,
		Example: `Error: failed to fetch: mismatched digest: 9c6b`,
	},
	{
		Tool: "regctl, crane", Text: "digest mismatch", Code: "DIGEST_MISMATCH", Weight: Said,
		Example: `failed to copy: digest mismatch, expected sha256:9c6b, computed sha256:1f`,
	},
	{
		Tool: "crane", Text: "error verifying sha256 checksum", Code: "DIGEST_MISMATCH", Weight: Said,
		Example: `Error: error verifying sha256 checksum after reading 2048 bytes; got "1f", want "9c6b"`,
	},
	{
		Tool: "crane", Text: "error verifying size", Code: "SIZE_MISMATCH", Weight: Said,
		Example: `Error: error verifying size; got 12, want 2048`,
	},
	{
		Tool: "oras", Text: "mismatch content-length", Code: "SIZE_MISMATCH", Weight: Said,
		Example: `Error: mismatch Content-Length`,
	},
	{
		Tool: "regctl", Text: "size mismatch", Code: "SIZE_MISMATCH", Weight: Said,
		Example: `failed to copy: size mismatch, expected 2048, received 12`,
	},
}
