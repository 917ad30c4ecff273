// Package azcontainerregistry is a client for Azure Container Registry (ACR):
// a drop-in for the official library of the same name, v0.2.3, that resumes
// transfers, keeps one token a scope, and fills in every error's code.
package azcontainerregistry
