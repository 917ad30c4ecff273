package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

type referrerItem struct {
	Digest       string            `json:"digest"`
	Reference    string            `json:"reference"`
	MediaType    string            `json:"mediaType"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Size         int64             `json:"size"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

func manifestReferrers(a *app) *cobra.Command {
	var f listFlags
	var artifactType string
	command := &cobra.Command{
		Use: "referrers REF", Short: "List what refers to a manifest: signatures, SBOMs and the like",
		Example: "  acrkit manifest referrers myreg.azurecr.io/team/app:1 --artifact-type application/spdx+json",
		Args:    exactArgs("REF"),
		RunE: func(command *cobra.Command, args []string) error {
			if err := f.checkLimit(); err != nil {
				return err
			}
			i, err := a.imageArgument(command.Context(), args[0])
			if err != nil {
				return err
			}
			r, err := a.open(command.Context(), i.ref.Registry)
			if err != nil {
				return err
			}
			referrers := r.client.Referrers(command.Context(), i.ref.Repository, i.desc.Digest.String(),
				&azcontainerregistry.ClientListReferrersOptions{ArtifactType: artifactType})
			return list(a, f, referrerView(), mapped(referrers, func(d *azcontainerregistry.Descriptor) referrerItem {
				return toReferrerItem(i.ref, d)
			}))
		},
	}
	f.addLimit(command)
	command.Flags().StringVar(&artifactType, "artifact-type", "", "only those of this `type`")
	return command
}

func referrerView() output.View[referrerItem] {
	return output.View[referrerItem]{Kind: "Referrer", Columns: []output.Column[referrerItem]{
		{Name: "digest", Value: func(i referrerItem) string { return i.Digest }},
		{Name: "artifact", Value: func(i referrerItem) string { return i.ArtifactType }},
		{Name: "type", Value: func(i referrerItem) string { return shortType(i.MediaType) }},
		{Name: "size", Value: func(i referrerItem) string { return fmt.Sprint(i.Size) }},
	}}
}

func toReferrerItem(ref reference, d *azcontainerregistry.Descriptor) referrerItem {
	return referrerItem{
		Digest: d.Digest, Reference: ref.withDigest(d.Digest).String(), MediaType: d.MediaType,
		ArtifactType: d.ArtifactType, Size: d.Size, Annotations: d.Annotations,
	}
}
