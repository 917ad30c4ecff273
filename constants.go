package azcontainerregistry

// The values below are those that the registry reports; a newer registry may
// report others, so a switch over them needs a default.

// ArtifactArchitecture is the processor architecture of an image, in the words of the Go toolchain (GOARCH).
type ArtifactArchitecture string

const (
	// The known values of ArtifactArchitecture.
	ArtifactArchitectureAmd64    ArtifactArchitecture = "amd64"
	ArtifactArchitectureArm      ArtifactArchitecture = "arm"
	ArtifactArchitectureArm64    ArtifactArchitecture = "arm64"
	ArtifactArchitectureI386     ArtifactArchitecture = "386"
	ArtifactArchitectureMips     ArtifactArchitecture = "mips"
	ArtifactArchitectureMips64   ArtifactArchitecture = "mips64"
	ArtifactArchitectureMips64Le ArtifactArchitecture = "mips64le"
	ArtifactArchitectureMipsLe   ArtifactArchitecture = "mipsle"
	ArtifactArchitecturePpc64    ArtifactArchitecture = "ppc64"
	ArtifactArchitecturePpc64Le  ArtifactArchitecture = "ppc64le"
	ArtifactArchitectureRiscV64  ArtifactArchitecture = "riscv64"
	ArtifactArchitectureS390X    ArtifactArchitecture = "s390x"
	ArtifactArchitectureWasm     ArtifactArchitecture = "wasm"
)

// PossibleArtifactArchitectureValues returns the known values of ArtifactArchitecture, in a slice of the caller's own.
func PossibleArtifactArchitectureValues() []ArtifactArchitecture {
	return []ArtifactArchitecture{
		ArtifactArchitectureAmd64,
		ArtifactArchitectureArm,
		ArtifactArchitectureArm64,
		ArtifactArchitectureI386,
		ArtifactArchitectureMips,
		ArtifactArchitectureMips64,
		ArtifactArchitectureMips64Le,
		ArtifactArchitectureMipsLe,
		ArtifactArchitecturePpc64,
		ArtifactArchitecturePpc64Le,
		ArtifactArchitectureRiscV64,
		ArtifactArchitectureS390X,
		ArtifactArchitectureWasm,
	}
}

// ArtifactManifestOrderBy is the order of a manifest listing (ACR protocol §3.8).
type ArtifactManifestOrderBy string

const (
	// ArtifactManifestOrderByLastUpdatedOnAscending is oldest update first.
	ArtifactManifestOrderByLastUpdatedOnAscending ArtifactManifestOrderBy = "timeasc"
	// ArtifactManifestOrderByLastUpdatedOnDescending is newest update first.
	ArtifactManifestOrderByLastUpdatedOnDescending ArtifactManifestOrderBy = "timedesc"
	// ArtifactManifestOrderByNone is the registry's own order, by digest.
	ArtifactManifestOrderByNone ArtifactManifestOrderBy = "none"
)

// PossibleArtifactManifestOrderByValues returns the known values of ArtifactManifestOrderBy, in a slice of the caller's own.
func PossibleArtifactManifestOrderByValues() []ArtifactManifestOrderBy {
	return []ArtifactManifestOrderBy{
		ArtifactManifestOrderByLastUpdatedOnAscending,
		ArtifactManifestOrderByLastUpdatedOnDescending,
		ArtifactManifestOrderByNone,
	}
}

// ArtifactOperatingSystem is the operating system of an image, in the words of the Go toolchain (GOOS).
type ArtifactOperatingSystem string

const (
	// The known values of ArtifactOperatingSystem.
	ArtifactOperatingSystemAix       ArtifactOperatingSystem = "aix"
	ArtifactOperatingSystemAndroid   ArtifactOperatingSystem = "android"
	ArtifactOperatingSystemDarwin    ArtifactOperatingSystem = "darwin"
	ArtifactOperatingSystemDragonfly ArtifactOperatingSystem = "dragonfly"
	ArtifactOperatingSystemFreeBsd   ArtifactOperatingSystem = "freebsd"
	ArtifactOperatingSystemIOS       ArtifactOperatingSystem = "ios"
	ArtifactOperatingSystemIllumos   ArtifactOperatingSystem = "illumos"
	ArtifactOperatingSystemJS        ArtifactOperatingSystem = "js"
	ArtifactOperatingSystemLinux     ArtifactOperatingSystem = "linux"
	ArtifactOperatingSystemNetBsd    ArtifactOperatingSystem = "netbsd"
	ArtifactOperatingSystemOpenBsd   ArtifactOperatingSystem = "openbsd"
	ArtifactOperatingSystemPlan9     ArtifactOperatingSystem = "plan9"
	ArtifactOperatingSystemSolaris   ArtifactOperatingSystem = "solaris"
	ArtifactOperatingSystemWindows   ArtifactOperatingSystem = "windows"
)

// PossibleArtifactOperatingSystemValues returns the known values of ArtifactOperatingSystem, in a slice of the caller's own.
func PossibleArtifactOperatingSystemValues() []ArtifactOperatingSystem {
	return []ArtifactOperatingSystem{
		ArtifactOperatingSystemAix,
		ArtifactOperatingSystemAndroid,
		ArtifactOperatingSystemDarwin,
		ArtifactOperatingSystemDragonfly,
		ArtifactOperatingSystemFreeBsd,
		ArtifactOperatingSystemIOS,
		ArtifactOperatingSystemIllumos,
		ArtifactOperatingSystemJS,
		ArtifactOperatingSystemLinux,
		ArtifactOperatingSystemNetBsd,
		ArtifactOperatingSystemOpenBsd,
		ArtifactOperatingSystemPlan9,
		ArtifactOperatingSystemSolaris,
		ArtifactOperatingSystemWindows,
	}
}

// ArtifactTagOrderBy is the order of a tag listing (ACR protocol §3.5).
type ArtifactTagOrderBy string

const (
	// ArtifactTagOrderByLastUpdatedOnAscending is oldest update first.
	ArtifactTagOrderByLastUpdatedOnAscending ArtifactTagOrderBy = "timeasc"
	// ArtifactTagOrderByLastUpdatedOnDescending is newest update first.
	ArtifactTagOrderByLastUpdatedOnDescending ArtifactTagOrderBy = "timedesc"
	// ArtifactTagOrderByNone is the registry's own order, by name.
	ArtifactTagOrderByNone ArtifactTagOrderBy = "none"
)

// PossibleArtifactTagOrderByValues returns the known values of ArtifactTagOrderBy, in a slice of the caller's own.
func PossibleArtifactTagOrderByValues() []ArtifactTagOrderBy {
	return []ArtifactTagOrderBy{
		ArtifactTagOrderByLastUpdatedOnAscending,
		ArtifactTagOrderByLastUpdatedOnDescending,
		ArtifactTagOrderByNone,
	}
}

// ContentType is the media type of a manifest. Any media type that the registry accepts may be used, the constants are only the common ones.
type ContentType string

const (
	// ContentTypeApplicationVndDockerDistributionManifestV2JSON is a Docker image manifest, schema 2.
	ContentTypeApplicationVndDockerDistributionManifestV2JSON ContentType = "application/vnd.docker.distribution.manifest.v2+json"
	// ContentTypeApplicationVndOciImageManifestV1JSON is an OCI image manifest.
	ContentTypeApplicationVndOciImageManifestV1JSON ContentType = "application/vnd.oci.image.manifest.v1+json"
	// ContentTypeApplicationVndDockerDistributionManifestListV2JSON is a Docker manifest list.
	ContentTypeApplicationVndDockerDistributionManifestListV2JSON ContentType = "application/vnd.docker.distribution.manifest.list.v2+json"
	// ContentTypeApplicationVndOciImageIndexV1JSON is an OCI image index.
	ContentTypeApplicationVndOciImageIndexV1JSON ContentType = "application/vnd.oci.image.index.v1+json"
)

// PossibleContentTypeValues returns the known values of ContentType, in a slice of the caller's own.
func PossibleContentTypeValues() []ContentType {
	return []ContentType{
		ContentTypeApplicationVndDockerDistributionManifestV2JSON,
		ContentTypeApplicationVndOciImageManifestV1JSON,
	}
}

// PostContentSchemaGrantType is the grant of an exchange at POST /oauth2/exchange (ACR protocol §2.4).
type PostContentSchemaGrantType string

const (
	// PostContentSchemaGrantTypeAccessToken is an Entra access token.
	PostContentSchemaGrantTypeAccessToken PostContentSchemaGrantType = "access_token"
	// PostContentSchemaGrantTypeAccessTokenRefreshToken is an Entra access token and refresh token; the registry calls it deprecated.
	PostContentSchemaGrantTypeAccessTokenRefreshToken PostContentSchemaGrantType = "access_token_refresh_token"
	// PostContentSchemaGrantTypeRefreshToken is an Entra refresh token; the registry calls it deprecated.
	PostContentSchemaGrantTypeRefreshToken PostContentSchemaGrantType = "refresh_token"
)

// PossiblePostContentSchemaGrantTypeValues returns the known values of PostContentSchemaGrantType, in a slice of the caller's own.
func PossiblePostContentSchemaGrantTypeValues() []PostContentSchemaGrantType {
	return []PostContentSchemaGrantType{
		PostContentSchemaGrantTypeAccessToken,
		PostContentSchemaGrantTypeAccessTokenRefreshToken,
		PostContentSchemaGrantTypeRefreshToken,
	}
}

// TokenGrantType is the grant of a token request at POST /oauth2/token (ACR protocol §2.5).
type TokenGrantType string

const (
	// TokenGrantTypePassword is user name and password, or neither for an anonymous token.
	TokenGrantTypePassword TokenGrantType = "password"
	// TokenGrantTypeRefreshToken is an ACR refresh token.
	TokenGrantTypeRefreshToken TokenGrantType = "refresh_token"
)

// PossibleTokenGrantTypeValues returns the known values of TokenGrantType, in a slice of the caller's own.
func PossibleTokenGrantTypeValues() []TokenGrantType {
	return []TokenGrantType{
		TokenGrantTypePassword,
		TokenGrantTypeRefreshToken,
	}
}
