package main

import (
	"reflect"
	"strings"

	acr "github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"
)

// structs is every exported struct of v0.2.3.
var structs = []any{
	new(acr.ACRAccessToken),
	new(acr.ACRRefreshToken),
	new(acr.ArtifactManifestPlatform),
	new(acr.ArtifactManifestProperties),
	new(acr.ArtifactTagProperties),
	new(acr.AuthenticationClient),
	new(acr.AuthenticationClientExchangeAADAccessTokenForACRRefreshTokenOptions),
	new(acr.AuthenticationClientExchangeAADAccessTokenForACRRefreshTokenResponse),
	new(acr.AuthenticationClientExchangeACRRefreshTokenForACRAccessTokenOptions),
	new(acr.AuthenticationClientExchangeACRRefreshTokenForACRAccessTokenResponse),
	new(acr.AuthenticationClientOptions),
	new(acr.BlobClient),
	new(acr.BlobClientCancelUploadOptions),
	new(acr.BlobClientCancelUploadResponse),
	new(acr.BlobClientCheckBlobExistsOptions),
	new(acr.BlobClientCheckBlobExistsResponse),
	new(acr.BlobClientCheckChunkExistsOptions),
	new(acr.BlobClientCheckChunkExistsResponse),
	new(acr.BlobClientCompleteUploadOptions),
	new(acr.BlobClientCompleteUploadResponse),
	new(acr.BlobClientDeleteBlobOptions),
	new(acr.BlobClientDeleteBlobResponse),
	new(acr.BlobClientGetBlobOptions),
	new(acr.BlobClientGetBlobResponse),
	new(acr.BlobClientGetChunkOptions),
	new(acr.BlobClientGetChunkResponse),
	new(acr.BlobClientGetUploadStatusOptions),
	new(acr.BlobClientGetUploadStatusResponse),
	new(acr.BlobClientMountBlobOptions),
	new(acr.BlobClientMountBlobResponse),
	new(acr.BlobClientOptions),
	new(acr.BlobClientStartUploadOptions),
	new(acr.BlobClientStartUploadResponse),
	new(acr.BlobClientUploadChunkOptions),
	new(acr.BlobClientUploadChunkResponse),
	new(acr.BlobDigestCalculator),
	new(acr.Client),
	new(acr.ClientDeleteManifestOptions),
	new(acr.ClientDeleteManifestResponse),
	new(acr.ClientDeleteRepositoryOptions),
	new(acr.ClientDeleteRepositoryResponse),
	new(acr.ClientDeleteTagOptions),
	new(acr.ClientDeleteTagResponse),
	new(acr.ClientGetManifestOptions),
	new(acr.ClientGetManifestPropertiesOptions),
	new(acr.ClientGetManifestPropertiesResponse),
	new(acr.ClientGetManifestResponse),
	new(acr.ClientGetRepositoryPropertiesOptions),
	new(acr.ClientGetRepositoryPropertiesResponse),
	new(acr.ClientGetTagPropertiesOptions),
	new(acr.ClientGetTagPropertiesResponse),
	new(acr.ClientListManifestsOptions),
	new(acr.ClientListManifestsResponse),
	new(acr.ClientListRepositoriesOptions),
	new(acr.ClientListRepositoriesResponse),
	new(acr.ClientListTagsOptions),
	new(acr.ClientListTagsResponse),
	new(acr.ClientOptions),
	new(acr.ClientUpdateManifestPropertiesOptions),
	new(acr.ClientUpdateManifestPropertiesResponse),
	new(acr.ClientUpdateRepositoryPropertiesOptions),
	new(acr.ClientUpdateRepositoryPropertiesResponse),
	new(acr.ClientUpdateTagPropertiesOptions),
	new(acr.ClientUpdateTagPropertiesResponse),
	new(acr.ClientUploadManifestOptions),
	new(acr.ClientUploadManifestResponse),
	new(acr.ContainerRepositoryProperties),
	new(acr.DigestValidationReader),
	new(acr.ManifestAttributes),
	new(acr.ManifestWriteableProperties),
	new(acr.Manifests),
	new(acr.Repositories),
	new(acr.RepositoryWriteableProperties),
	new(acr.TagAttributes),
	new(acr.TagList),
	new(acr.TagWriteableProperties),
}

// shapes says what fields and methods each struct has, in order, and what the
// constants are.
func shapes(s section) {
	for _, v := range structs {
		t := reflect.TypeOf(v).Elem()
		var fields []string
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() {
				fields = append(fields, f.Name+" "+f.Type.String()+" "+string(f.Tag))
			}
		}
		s.say("fields of "+t.Name(), fields)
		if !strings.HasSuffix(t.Name(), "Client") {
			s.say("methods of "+t.Name(), [][]string{methodsOf(t), methodsOf(reflect.PointerTo(t))})
		}
	}
	s.say("possible values", []any{
		acr.PossibleArtifactArchitectureValues(),
		acr.PossibleArtifactManifestOrderByValues(),
		acr.PossibleArtifactOperatingSystemValues(),
		acr.PossibleArtifactTagOrderByValues(),
		acr.PossibleContentTypeValues(),
		acr.PossiblePostContentSchemaGrantTypeValues(),
		acr.PossibleTokenGrantTypeValues(),
	})
	s.say("constants", []any{
		acr.ArtifactArchitectureAmd64,
		acr.ArtifactArchitectureArm,
		acr.ArtifactArchitectureArm64,
		acr.ArtifactArchitectureI386,
		acr.ArtifactArchitectureMips,
		acr.ArtifactArchitectureMips64,
		acr.ArtifactArchitectureMips64Le,
		acr.ArtifactArchitectureMipsLe,
		acr.ArtifactArchitecturePpc64,
		acr.ArtifactArchitecturePpc64Le,
		acr.ArtifactArchitectureRiscV64,
		acr.ArtifactArchitectureS390X,
		acr.ArtifactArchitectureWasm,
		acr.ArtifactManifestOrderByLastUpdatedOnAscending,
		acr.ArtifactManifestOrderByLastUpdatedOnDescending,
		acr.ArtifactManifestOrderByNone,
		acr.ArtifactOperatingSystemAix,
		acr.ArtifactOperatingSystemAndroid,
		acr.ArtifactOperatingSystemDarwin,
		acr.ArtifactOperatingSystemDragonfly,
		acr.ArtifactOperatingSystemFreeBsd,
		acr.ArtifactOperatingSystemIOS,
		acr.ArtifactOperatingSystemIllumos,
		acr.ArtifactOperatingSystemJS,
		acr.ArtifactOperatingSystemLinux,
		acr.ArtifactOperatingSystemNetBsd,
		acr.ArtifactOperatingSystemOpenBsd,
		acr.ArtifactOperatingSystemPlan9,
		acr.ArtifactOperatingSystemSolaris,
		acr.ArtifactOperatingSystemWindows,
		acr.ArtifactTagOrderByLastUpdatedOnAscending,
		acr.ArtifactTagOrderByLastUpdatedOnDescending,
		acr.ArtifactTagOrderByNone,
		acr.ContentTypeApplicationVndDockerDistributionManifestV2JSON,
		acr.ContentTypeApplicationVndOciImageManifestV1JSON,
		acr.PostContentSchemaGrantTypeAccessToken,
		acr.PostContentSchemaGrantTypeAccessTokenRefreshToken,
		acr.PostContentSchemaGrantTypeRefreshToken,
		acr.ServiceName,
		acr.TokenGrantTypePassword,
		acr.TokenGrantTypeRefreshToken,
	})
}

func methodsOf(t reflect.Type) []string {
	var names []string
	for i := range t.NumMethod() {
		names = append(names, t.Method(i).Name+" "+t.Method(i).Type.String())
	}
	return names
}
