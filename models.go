package azcontainerregistry

import "time"

// ACRAccessToken is the response of POST /oauth2/token (ACR protocol §2.5).
type ACRAccessToken struct {
	// AccessToken is the token for the Authorization header; treat it as opaque.
	AccessToken *string
}

// ACRRefreshToken is the response of POST /oauth2/exchange (ACR protocol §2.4).
type ACRRefreshToken struct {
	// RefreshToken is exchanged for access tokens at POST /oauth2/token; treat it as opaque.
	RefreshToken *string
}

// ContainerRepositoryProperties describes a repository (ACR protocol §3.2).
type ContainerRepositoryProperties struct {
	// ChangeableAttributes are the locks of the repository.
	ChangeableAttributes *RepositoryWriteableProperties

	// CreatedOn is when the first manifest arrived.
	CreatedOn *time.Time

	// LastUpdatedOn is when a manifest or tag last changed; locking doesn't count.
	LastUpdatedOn *time.Time

	// ManifestCount is the number of manifests, those without a tag included.
	ManifestCount *int32

	// Name is the repository's name, such as "team/app".
	Name *string

	// RegistryLoginServer is the registry's host, such as "contoso.azurecr.io".
	RegistryLoginServer *string

	// TagCount is the number of tags.
	TagCount *int32
}

// RepositoryWriteableProperties are the locks of a repository. A nil field is
// left as it is by an update.
type RepositoryWriteableProperties struct {
	// CanDelete allows deleting the repository and what is in it.
	CanDelete *bool

	// CanList shows the repository in listings.
	CanList *bool

	// CanRead allows pulling.
	CanRead *bool

	// CanWrite allows pushing.
	CanWrite *bool
}

// ArtifactTagProperties is one tag together with where it was found
// (ACR protocol §3.6).
type ArtifactTagProperties struct {
	// RegistryLoginServer is the registry's host.
	RegistryLoginServer *string

	// RepositoryName is the repository of the tag.
	RepositoryName *string

	// Tag is the tag itself.
	Tag *TagAttributes
}

// TagAttributes describes a tag (ACR protocol §3.5).
type TagAttributes struct {
	// ChangeableAttributes are the locks of the tag.
	ChangeableAttributes *TagWriteableProperties

	// CreatedOn is when the tag was first put.
	CreatedOn *time.Time

	// Digest is the digest of the manifest that the tag points to.
	Digest *string

	// LastUpdatedOn is when the tag was last put.
	LastUpdatedOn *time.Time

	// Name is the tag.
	Name *string
}

// TagWriteableProperties are the locks of a tag. A nil field is left as it is
// by an update.
type TagWriteableProperties struct {
	// CanDelete allows deleting the tag.
	CanDelete *bool

	// CanList shows the tag in listings.
	CanList *bool

	// CanRead allows pulling by the tag.
	CanRead *bool

	// CanWrite allows the tag to be put again, onto another manifest.
	CanWrite *bool
}

// TagList is a page of tags (ACR protocol §3.5).
type TagList struct {
	// RegistryLoginServer is the registry's host.
	RegistryLoginServer *string

	// Repository is the repository of the tags.
	Repository *string

	// Tags are the tags of the page; none when the registry returns null.
	Tags []*TagAttributes

	// Link points to the next page when the registry says so in the body. ACR
	// says it in the header of the same name only.
	Link *string
}

// ArtifactManifestProperties is one manifest together with where it was found
// (ACR protocol §3.9).
type ArtifactManifestProperties struct {
	// Manifest is the manifest itself.
	Manifest *ManifestAttributes

	// RegistryLoginServer is the registry's host.
	RegistryLoginServer *string

	// RepositoryName is the repository of the manifest.
	RepositoryName *string
}

// ManifestAttributes describes a manifest (ACR protocol §3.8).
type ManifestAttributes struct {
	// CreatedOn is when the manifest was first put.
	CreatedOn *time.Time

	// Digest is the digest of the manifest.
	Digest *string

	// LastUpdatedOn is when the manifest or one of its tags was last put.
	LastUpdatedOn *time.Time

	// ChangeableAttributes are the locks of the manifest.
	ChangeableAttributes *ManifestWriteableProperties

	// ConfigMediaType is the media type of the config; nil for an index.
	ConfigMediaType *string

	// MediaType is the media type that the manifest was put with.
	MediaType *string

	// Architecture is the processor architecture; nil for an index.
	Architecture *ArtifactArchitecture

	// OperatingSystem is the operating system; nil for an index.
	OperatingSystem *ArtifactOperatingSystem

	// RelatedArtifacts are the children of an index. Only a manifest asked for
	// by itself has them, never one of a listing.
	RelatedArtifacts []*ArtifactManifestPlatform

	// Size is the size of config and layers in bytes; 0 where the registry
	// doesn't know it.
	Size *int64

	// Tags are the tags that point to the manifest, sorted; none when untagged.
	Tags []*string
}

// ArtifactManifestPlatform is a child of an index (ACR protocol §3.9).
type ArtifactManifestPlatform struct {
	// Digest is the child's digest.
	Digest *string

	// Architecture is the child's processor architecture.
	Architecture *ArtifactArchitecture

	// OperatingSystem is the child's operating system.
	OperatingSystem *ArtifactOperatingSystem
}

// ManifestWriteableProperties are the locks of a manifest. A nil field is left
// as it is by an update.
type ManifestWriteableProperties struct {
	// CanDelete allows deleting the manifest.
	CanDelete *bool

	// CanList shows the manifest in listings.
	CanList *bool

	// CanRead allows pulling the manifest.
	CanRead *bool

	// CanWrite allows changing the manifest's attributes and tags.
	CanWrite *bool
}

// Manifests is a page of manifests (ACR protocol §3.8).
type Manifests struct {
	// Attributes are the manifests of the page; none when the registry returns null.
	Attributes []*ManifestAttributes

	// Link points to the next page when the registry says so in the body. ACR
	// says it in the header of the same name only.
	Link *string

	// RegistryLoginServer is the registry's host.
	RegistryLoginServer *string

	// Repository is the repository of the manifests.
	Repository *string
}

// Repositories is a page of repository names (ACR protocol §3.1).
type Repositories struct {
	// Link points to the next page when the registry says so in the body. ACR
	// says it in the header of the same name only.
	Link *string

	// Names are the repositories of the page; none when the registry returns null.
	Names []*string
}

// Descriptor points to a manifest or blob, as the OCI image specification
// describes it. Referrers yields them.
type Descriptor struct {
	// MediaType is the media type of what is pointed to.
	MediaType string `json:"mediaType"`

	// Digest is its digest.
	Digest string `json:"digest"`

	// Size is its size in bytes.
	Size int64 `json:"size"`

	// ArtifactType is the type of artifact, if it is one.
	ArtifactType string `json:"artifactType,omitempty"`

	// Annotations are the manifest's annotations.
	Annotations map[string]string `json:"annotations,omitempty"`

	// Platform is what an image runs on; nil when not said.
	Platform *Platform `json:"platform,omitempty"`
}

// Platform is what an image runs on, as the OCI image index describes it.
type Platform struct {
	// Architecture is the processor architecture (GOARCH).
	Architecture string `json:"architecture"`

	// OS is the operating system (GOOS).
	OS string `json:"os"`

	// OSVersion is the version of the operating system.
	OSVersion string `json:"os.version,omitempty"`

	// OSFeatures are features that the operating system must have.
	OSFeatures []string `json:"os.features,omitempty"`

	// Variant is the variant of the architecture, such as "v8".
	Variant string `json:"variant,omitempty"`
}

// DeletedManifest is a manifest that soft delete still keeps (ACR protocol §3.10).
type DeletedManifest struct {
	// Digest is the digest of the manifest.
	Digest string

	// Tags are the tags it had when it was deleted.
	Tags []string

	// DeletedOn is when it was deleted; zero when the registry didn't say.
	DeletedOn time.Time
}

// DeletedTag is a tag that soft delete still keeps (ACR protocol §3.10).
type DeletedTag struct {
	// Name is the tag.
	Name string

	// Digest is the digest of the manifest it pointed to.
	Digest string

	// DeletedOn is when it was deleted; zero when the registry didn't say.
	DeletedOn time.Time
}
