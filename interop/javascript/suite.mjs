// Azure's JavaScript library through its whole API against the emulator. Run by
// testdata/script/javascript.txtar, which pastes what the emulator prints:
// ENDPOINT is the emulator's, EXPRESSION the constructor of a client.
import assert from "node:assert/strict";
import { createHash, randomBytes, webcrypto } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import {
  ContainerRegistryClient,
  ContainerRegistryContentClient,
  KnownManifestMediaType,
} from "@azure/container-registry";
import { DefaultAzureCredential } from "@azure/identity";

// Debian 12 packages node 18, which has it under this name only.
globalThis.crypto ??= webcrypto;

const { ENDPOINT: endpoint, EXPRESSION: expression } = process.env;
const repository = "day/javascript";

const client = new Function("ContainerRegistryClient", "DefaultAzureCredential", `return ${expression}`)(
  ContainerRegistryClient,
  DefaultAzureCredential,
);
const content = new ContainerRegistryContentClient(endpoint, repository, new DefaultAzureCredential());

// What the library has, counted as it is called: a method that nobody calls
// fails the last check.
const called = new Map();
for (const object of [client, content, client.getRepository("any"), client.getArtifact("any", "any")]) {
  const prototype = Object.getPrototypeOf(object);
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const method = Object.getOwnPropertyDescriptor(prototype, name).value;
    // resolveDigest and the pages are private: the public ones call them.
    if (name === "constructor" || typeof method !== "function") continue;
    const key = `${object.constructor.name}.${name}`;
    called.set(key, 0);
    prototype[name] = function (...args) {
      called.set(key, called.get(key) + 1);
      return method.apply(this, args);
    };
  }
}

const sha256 = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

async function all(list) {
  const items = [];
  for await (const item of list) items.push(item);
  return items;
}

async function pages(list, maxPageSize) {
  const sizes = [];
  for await (const page of list.byPage({ maxPageSize })) sizes.push(page.length);
  return sizes;
}

// image uploads an image of one layer, tagged.
async function image(tag, text) {
  const layer = Buffer.from(text);
  const config = Buffer.from(
    JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [sha256(layer)] } }),
  );
  for (const blob of [layer, config]) {
    const uploaded = await content.uploadBlob(blob);
    assert.deepEqual(uploaded, { digest: sha256(blob), sizeInBytes: blob.length });
  }
  const { digest } = await content.setManifest(
    {
      schemaVersion: 2,
      config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: sha256(config), size: config.length },
      layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", digest: sha256(layer), size: layer.length }],
    },
    { tag },
  );
  return { digest, layer, config };
}

const named = () => client.getRepository(repository);

let first;

test("images go up, tagged", async () => {
  first = await image("v1", "one layer");
  await image("v2", "another layer");
  await image("v3", "a third layer");
});

test("blobs of several chunks, from a stream and from memory, come back whole", async () => {
  // The library sends chunks of 4 MiB.
  const large = randomBytes(9 * 1024 * 1024 + 5);
  const streamed = await content.uploadBlob(Readable.from([large.subarray(0, 1000), large.subarray(1000)]));
  assert.deepEqual(streamed, { digest: sha256(large), sizeInBytes: large.length });
  const downloaded = await content.downloadBlob(streamed.digest);
  assert.equal(downloaded.digest, streamed.digest);
  assert.ok(large.equals(await buffer(downloaded.content)));
  assert.ok(first.layer.equals(await buffer((await content.downloadBlob(sha256(first.layer))).content)));
});

test("manifests come back byte for byte, by tag and by digest", async () => {
  for (const reference of ["v1", first.digest]) {
    const got = await content.getManifest(reference);
    assert.equal(got.digest, first.digest);
    assert.equal(got.mediaType, KnownManifestMediaType.OciImageManifest);
    assert.equal(sha256(got.content), first.digest);
    assert.equal(got.manifest.layers[0].digest, sha256(first.layer));
  }
  await assert.rejects(content.getManifest("none"), { statusCode: 404, message: /MANIFEST_UNKNOWN/ });
});

test("a manifest of another type, without a tag", async () => {
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.docker.distribution.manifest.v2+json",
      config: {
        mediaType: "application/vnd.docker.container.image.v1+json",
        digest: sha256(first.config),
        size: first.config.length,
      },
      layers: [],
    }),
  );
  const { digest } = await content.setManifest(manifest, { mediaType: KnownManifestMediaType.DockerManifest });
  assert.equal(digest, sha256(manifest));
  assert.equal((await content.getManifest(digest)).mediaType, KnownManifestMediaType.DockerManifest);
  await content.deleteManifest(digest);
  await assert.rejects(content.getManifest(digest), { statusCode: 404 });
});

test("lists, whole and by pages, in every order", async () => {
  assert.ok((await all(client.listRepositoryNames())).includes(repository));
  assert.ok((await pages(client.listRepositoryNames(), 1)).every((size) => size === 1));
  const names = async (reference, options) =>
    (await all(client.getArtifact(repository, reference).listTagProperties(options))).map((tag) => tag.name);
  assert.deepEqual(await names("v1"), ["v1", "v2", "v3"]);
  assert.deepEqual(await names("v1", { order: "LastUpdatedOnDescending" }), ["v3", "v2", "v1"]);
  assert.deepEqual(await pages(client.getArtifact(repository, "v1").listTagProperties(), 2), [2, 1]);
  const repo = client.getRepository(repository);
  const byTime = (await all(repo.listManifestProperties({ order: "LastUpdatedOnAscending" }))).map((m) => m.tags[0]);
  assert.deepEqual(byTime, ["v1", "v2", "v3"]);
  const reversed = (await all(repo.listManifestProperties({ order: "LastUpdatedOnDescending" }))).map((m) => m.tags[0]);
  assert.deepEqual(reversed, ["v3", "v2", "v1"]);
  assert.deepEqual(await pages(repo.listManifestProperties({ order: "LastUpdatedOnAscending" }), 2), [2, 1]);
});

test("properties are read and written, and locks hold", async () => {
  const repo = named();
  const properties = await repo.getProperties();
  assert.equal(properties.name, repository);
  assert.equal(properties.manifestCount, 3);
  assert.equal(properties.tagCount, 3);
  assert.ok(properties.createdOn instanceof Date && properties.lastUpdatedOn >= properties.createdOn);
  assert.equal((await repo.updateProperties({ canDelete: false })).canDelete, false);
  await assert.rejects(repo.delete(), { statusCode: 405 });
  assert.equal((await repo.updateProperties({ canDelete: true })).canDelete, true);

  const artifact = repo.getArtifact("v1"); // resolved to its digest by the library
  const manifest = await artifact.getManifestProperties();
  assert.equal(manifest.digest, first.digest);
  assert.equal(manifest.architecture, "amd64");
  assert.equal(manifest.operatingSystem, "linux");
  assert.deepEqual(manifest.tags, ["v1"]);
  assert.ok(manifest.sizeInBytes > 0);
  assert.equal((await artifact.updateManifestProperties({ canDelete: false })).canDelete, false);
  await assert.rejects(artifact.delete(), { statusCode: 405 });
  assert.equal((await artifact.updateManifestProperties({ canDelete: true })).canDelete, true);

  const tag = await artifact.getTagProperties("v1");
  assert.equal(tag.digest, first.digest);
  assert.equal((await artifact.updateTagProperties("v1", { canWrite: false })).canWrite, false);
  await assert.rejects(artifact.deleteTag("v1"), { statusCode: 405 });
  assert.equal((await artifact.updateTagProperties("v1", { canWrite: true })).canWrite, true);
  await assert.rejects(artifact.getTagProperties("none"), { statusCode: 404, message: /TAG_UNKNOWN/ });
});

test("what is deleted is gone, and deleting it again is no error", async () => {
  const artifact = client.getArtifact(repository, "v3");
  for (let i = 0; i < 2; i++) await artifact.deleteTag("v3");
  await client.getArtifact(repository, "v2").delete();
  const left = (await all(named().listManifestProperties())).map((m) => m.tags.join());
  assert.deepEqual(left.sort(), ["", "v1"]);
  const { digest } = await content.uploadBlob(Buffer.from("short-lived"));
  for (let i = 0; i < 2; i++) await content.deleteBlob(digest);
  await assert.rejects(async () => buffer((await content.downloadBlob(digest)).content), { statusCode: 404 });
  await named().delete();
  for (let i = 0; i < 2; i++) await client.deleteRepository(repository);
  await assert.rejects(named().getProperties(), { statusCode: 404, message: /NAME_UNKNOWN/ });
});

test("nothing of the library was left out", () => {
  const missed = [...called].filter(([, count]) => count === 0).map(([name]) => name);
  assert.deepEqual(missed, []);
});
