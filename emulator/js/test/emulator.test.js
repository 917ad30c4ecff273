import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, webcrypto } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { buffer } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ContainerRegistryClient, ContainerRegistryContentClient } from "@azure/container-registry";
import { EmulatorError, start } from "../index.js";

// Debian 12 packages node 18, which has it under this name only.
globalThis.crypto ??= webcrypto;

const here = path.dirname(fileURLToPath(import.meta.url));
let work;
let binary;
let emulator;

before(async () => {
  work = mkdtempSync(path.join(os.tmpdir(), "acrkit-js-"));
  binary = process.env.ACRKIT_BINARY;
  if (!binary) {
    binary = path.join(work, "acrkit");
    execFileSync("go", ["build", "-trimpath", "-o", binary, "./cmd/acrkit"], { cwd: path.join(here, "..", "..", "..") });
  }
  emulator = await start({ binary });
});

after(async () => {
  await emulator?.stop();
  rmSync(work, { recursive: true, force: true });
});

const sha256 = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

const contentClient = (e, repository) =>
  new ContainerRegistryContentClient(e.endpoint, repository, e.credential(), e.clientOptions());

async function push(e, repository, tag, text = "one layer") {
  const content = contentClient(e, repository);
  const layer = Buffer.from(text);
  const config = Buffer.from("{}");
  for (const blob of [layer, config]) await content.uploadBlob(blob);
  return content.setManifest(
    {
      schemaVersion: 2,
      config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: sha256(config), size: config.length },
      layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", digest: sha256(layer), size: layer.length }],
    },
    { tag },
  );
}

test("Azure's library pushes, lists and pulls", async () => {
  const { digest } = await push(emulator, "team/app", "v1");
  const client = new ContainerRegistryClient(emulator.endpoint, emulator.credential(), emulator.clientOptions());
  const names = [];
  for await (const name of client.listRepositoryNames()) names.push(name);
  assert.deepEqual(names, ["team/app"]);
  assert.equal((await client.getArtifact("team/app", "v1").getManifestProperties()).digest, digest);
  const blob = await contentClient(emulator, "team/app").downloadBlob(sha256(Buffer.from("one layer")));
  assert.equal((await buffer(blob.content)).toString(), "one layer");
});

test("requests are recorded, until they are cleared", async () => {
  await push(emulator, "team/recorded", "v1");
  const requests = await emulator.requests();
  assert.ok(requests.some((r) => r.method === "PUT" && r.repository === "team/recorded" && r.reference === "v1" && r.status === 201));
  await emulator.clearRequests();
  assert.deepEqual(await emulator.requests(), []);
});

test("faults happen, and end", async () => {
  const { digest } = await push(emulator, "team/faulty", "v1");
  const content = contentClient(emulator, "team/faulty");
  const set = await emulator.faults.set({ preset: "denied", routes: ["get-manifest"] });
  assert.equal(set.length, 1);
  await assert.rejects(content.getManifest(digest), { statusCode: 403 });
  assert.equal((await emulator.faults.add({ preset: "throttled", routes: ["put-manifest"], count: 1 })).length, 2);
  assert.equal((await emulator.faults.list()).length, 2);
  assert.ok((await emulator.faults.presets()).length > 20);
  await emulator.faults.clear();
  assert.equal((await content.getManifest(digest)).digest, digest);
  await assert.rejects(emulator.faults.set({ preset: "nope" }), (error) => error instanceof EmulatorError && /preset "nope"/.test(error.message));
});

test("the clock moves, and tokens expire", async () => {
  const before = await emulator.clock.now();
  const later = await emulator.clock.advance("2h");
  assert.ok(later - before >= 2 * 3600 * 1000);
  await emulator.clock.reset();
  await emulator.expireTokens();
  await push(emulator, "team/expired", "v1");
});

test("a reset empties the registry", async () => {
  await push(emulator, "team/app", "v1");
  await emulator.reset();
  assert.doesNotMatch(JSON.stringify(await emulator.snapshot()), /team\/app/);
});

test("options reach the emulator, and a folder that is given stays", async () => {
  const dir = path.join(work, "kept");
  const options = {
    binary, dir, adminPassword: "given", controlToken: "token", tls: false,
    config: { quirks: { sha512: "on" } }, faults: [{ preset: "throttled" }],
  };
  const one = await start(options);
  assert.equal(one.password, "given");
  assert.match(one.endpoint, /^http:\/\/127\.0\.0\.1:/);
  assert.deepEqual(one.clientOptions(), { allowInsecureConnection: true });
  assert.equal((await one.faults.list())[0].fault.preset, "throttled");
  await one.stop();
  await one.stop();
  assert.ok(existsSync(dir));
  await assert.rejects(one.requests(), /was stopped/);
});

test("a temporary folder goes with the emulator", async () => {
  const one = await start({ binary });
  assert.ok(existsSync(one.directory));
  await one.stop();
  assert.ok(!existsSync(one.directory));
});

test("bad input is refused in words", async () => {
  await assert.rejects(start({ binary: path.join(work, "missing") }), /is no program that can be run/);
  await assert.rejects(start({ binary, port: 5000 }), /unknown option "port"/);
  await assert.rejects(start({ binary, config: { misspelt: 1 } }), /^EmulatorError: start emulator: --config the JSON given: parse configuration: json: unknown field "misspelt"$/);
  await assert.rejects(start({ binary, dir: emulator.directory }), /in use/);
  const silent = path.join(work, "silent");
  writeFileSync(silent, "#!/bin/sh\nexit 3\n", { mode: 0o755 });
  await assert.rejects(start({ binary: silent }), /it ended \(3\)/);
  await assert.rejects(start({ binary, signal: AbortSignal.abort() }), { name: "AbortError" });
  const found = process.env.PATH;
  process.env.PATH = work + "/nothing";
  delete process.env.ACRKIT_BINARY;
  try {
    await assert.rejects(start(), /acrkit is not on the path/);
  } finally {
    process.env.PATH = found;
  }
});

test("the types are those of the code", async () => {
  const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  const program = path.join(here, "..", "types", "program.ts");
  execFileSync(process.execPath, [tsc, "--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom,esnext.disposable", "--skipLibCheck", program], { stdio: "pipe" });
  // Every member that the types declare is there, and the other way round.
  const text = readFileSync(path.join(here, "..", "index.d.ts"), "utf8");
  const declared = text.slice(text.indexOf("export interface Emulator {"), text.indexOf("/** What start() and the calls"));
  for (const name of ["endpoint", "registry", "username", "password", "directory", "identityProvider", "authority", "log", "faults", "clock", "clientOptions", "credential", "requests", "clearRequests", "expireTokens", "snapshot", "reset", "stop"]) {
    assert.ok(name in emulator, name);
    assert.match(declared, new RegExp(`\\b${name}\\b`));
  }
});
