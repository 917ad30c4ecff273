package azcontainerregistry

import (
	"context"
	"encoding/json"
)

// GetTagProperties returns what the registry knows of a tag (ACR protocol
// §3.6). An unknown one is [ErrorCodeTagUnknown].
func (c *Client) GetTagProperties(ctx context.Context, name, tag string, options *ClientGetTagPropertiesOptions) (resp ClientGetTagPropertiesResponse, err error) {
	ctx, end := c.registry().beginPlain(ctx, "Client.GetTagProperties", "get properties of tag", name, tag)
	defer func() { end(&err) }()
	if err := checkArguments(ctx, checkRepository("name", name), checkTag("tag", tag)); err != nil {
		return resp, err
	}
	err = c.registry().get(ctx, tagPath(name, tag), &resp.ArtifactTagProperties, readScope(name))
	return resp, err
}

// UpdateTagProperties changes the locks of a tag and returns it as it then is
// (ACR protocol §3.6).
func (c *Client) UpdateTagProperties(ctx context.Context, name, tag string, options *ClientUpdateTagPropertiesOptions) (resp ClientUpdateTagPropertiesResponse, err error) {
	ctx, end := c.registry().beginPlain(ctx, "Client.UpdateTagProperties", "update properties of tag", name, tag)
	defer func() { end(&err) }()
	if err := checkArguments(ctx, checkRepository("name", name), checkTag("tag", tag)); err != nil {
		return resp, err
	}
	var value json.Marshaler
	if options != nil && options.Value != nil {
		value = *options.Value
	}
	err = c.registry().patch(ctx, tagPath(name, tag), value, &resp.ArtifactTagProperties, metaWriteScope(name))
	return resp, err
}

// DeleteTag deletes a tag; the manifest stays (ACR protocol §3.7). A tag that
// doesn't exist is no error; a locked one is
// [ErrorCodeRegistryDisallowedOperation].
func (c *Client) DeleteTag(ctx context.Context, name, tag string, options *ClientDeleteTagOptions) (resp ClientDeleteTagResponse, err error) {
	ctx, end := c.registry().beginPlain(ctx, "Client.DeleteTag", "delete tag", name, tag)
	defer func() { end(&err) }()
	if err := checkArguments(ctx, checkRepository("name", name), checkTag("tag", tag)); err != nil {
		return resp, err
	}
	_, err = c.registry().delete(ctx, tagPath(name, tag)+c.registry().withAPIVersion(nil), deleteScope(name))
	return resp, err
}
