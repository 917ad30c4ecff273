package azcontainerregistry

import (
	"context"
	"encoding/json"
)

// GetRepositoryProperties returns what the registry knows of a repository
// (ACR protocol §3.2). An unknown one is [ErrorCodeNameUnknown].
func (c *Client) GetRepositoryProperties(ctx context.Context, name string, options *ClientGetRepositoryPropertiesOptions) (resp ClientGetRepositoryPropertiesResponse, err error) {
	ctx, end := c.registry().beginPlain(ctx, "Client.GetRepositoryProperties", "get properties of repository", name, "")
	defer func() { end(&err) }()
	if err := checkArguments(ctx, checkRepository("name", name)); err != nil {
		return resp, err
	}
	err = c.registry().get(ctx, repositoryPath(name), &resp.ContainerRepositoryProperties, readScope(name))
	return resp, err
}

// UpdateRepositoryProperties changes the locks of a repository and returns it
// as it then is (ACR protocol §3.3).
func (c *Client) UpdateRepositoryProperties(ctx context.Context, name string, options *ClientUpdateRepositoryPropertiesOptions) (resp ClientUpdateRepositoryPropertiesResponse, err error) {
	ctx, end := c.registry().beginPlain(ctx, "Client.UpdateRepositoryProperties", "update properties of repository", name, "")
	defer func() { end(&err) }()
	if err := checkArguments(ctx, checkRepository("name", name)); err != nil {
		return resp, err
	}
	var value json.Marshaler
	if options != nil && options.Value != nil {
		value = *options.Value
	}
	err = c.registry().patch(ctx, repositoryPath(name), value, &resp.ContainerRepositoryProperties, metaWriteScope(name))
	return resp, err
}

// DeleteRepository deletes a repository with all that is in it
// (ACR protocol §3.4). A repository that doesn't exist is no error; a locked
// one is [ErrorCodeRegistryDisallowedOperation].
func (c *Client) DeleteRepository(ctx context.Context, name string, options *ClientDeleteRepositoryOptions) (resp ClientDeleteRepositoryResponse, err error) {
	ctx, end := c.registry().beginPlain(ctx, "Client.DeleteRepository", "delete repository", name, "")
	defer func() { end(&err) }()
	if err := checkArguments(ctx, checkRepository("name", name)); err != nil {
		return resp, err
	}
	_, err = c.registry().delete(ctx, repositoryPath(name)+c.registry().withAPIVersion(nil), deleteScope(name))
	return resp, err
}
