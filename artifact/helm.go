package artifact

import (
	"context"
	"maps"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// HelmChart is what the config of a Helm chart says of it: its Chart.yaml as JSON.
type HelmChart struct {
	Name        string `json:"name"`
	Version     string `json:"version"`
	AppVersion  string `json:"appVersion,omitempty"`
	Description string `json:"description,omitempty"`
	Type        string `json:"type,omitempty"`
	Deprecated  bool   `json:"deprecated,omitempty"`
}

// ReadHelmChart reads the config of a Helm chart; nil for any other config.
func ReadHelmChart(ctx context.Context, src Source, config *ocispec.Descriptor) (*HelmChart, error) {
	if config == nil || config.MediaType != mediaTypeHelmConfig {
		return nil, nil
	}
	var chart HelmChart
	if err := ReadJSON(ctx, src, *config, &chart); err != nil {
		return nil, err
	}
	return &chart, nil
}

// nameHelmChart gives a chart's manifest the annotations that helm 3.8 and before
// left out, from its config.
func nameHelmChart(ctx context.Context, src Source, m *manifest) error {
	if m.Annotations[ocispec.AnnotationTitle] != "" && m.Annotations[ocispec.AnnotationVersion] != "" {
		return nil
	}
	chart, err := ReadHelmChart(ctx, src, m.Config)
	if err != nil || chart == nil {
		return err
	}
	annotations := map[string]string{}
	maps.Copy(annotations, m.Annotations)
	annotations[ocispec.AnnotationTitle], annotations[ocispec.AnnotationVersion] = chart.Name, chart.Version
	m.Annotations = annotations
	return nil
}
