// Starts "acrkit emulator" as a child process, and controls it.
import { spawn } from "node:child_process";
import { constants } from "node:fs";
import { access, mkdtemp, readFile, rm } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import os from "node:os";
import path from "node:path";

const startTimeout = 30_000;
const stopTimeout = 15_000;
const requestTimeout = 30_000;

/** The audience of the tokens that Azure Container Registry takes. */
const audience = "https://containerregistry.azure.net";

export class EmulatorError extends Error {
  constructor(message, options) {
    super(message, options);
    this.name = "EmulatorError";
  }
}

const optionNames = new Set(["binary", "dir", "config", "faults", "tls", "adminPassword", "controlToken", "signal"]);

/** Starts an emulator on a free loopback port; see index.d.ts. */
export async function start(options = {}) {
  for (const name of Object.keys(options)) {
    if (!optionNames.has(name)) throw new EmulatorError(`start emulator: unknown option ${JSON.stringify(name)}`);
  }
  options.signal?.throwIfAborted();
  const binary = await findBinary(options.binary);
  const ownDir = options.dir === undefined;
  const dir = ownDir ? await mkdtemp(path.join(os.tmpdir(), "acrkit-emulator-")) : options.dir;
  const remove = () => (ownDir ? rm(dir, { recursive: true, force: true }) : undefined);
  const run = new Process(binary, argumentsOf(options, dir), environmentOf(options));
  try {
    const info = await run.ready(options.signal);
    const authority = info.authorityFile ? await readFile(info.authorityFile, "utf8") : undefined;
    return new Emulator(info, authority, run, remove);
  } catch (error) {
    await run.stop();
    await remove();
    throw error;
  }
}

function argumentsOf(options, dir) {
  const args = ["emulator", "--addr", "127.0.0.1:0", "--idp-port", "0", "--dir", dir, "-o", "json"];
  args.push(`--tls=${options.tls ?? true}`);
  return args;
}

// Configuration goes by the environment, where other users do not see it.
function environmentOf(options) {
  const environment = { ...process.env };
  for (const name of Object.keys(environment)) {
    if (name.startsWith("ACRKIT_EMULATOR_")) delete environment[name];
  }
  const set = (name, value) => {
    if (value !== undefined) environment[`ACRKIT_EMULATOR_${name}`] = value;
  };
  set("CONFIG", options.config && JSON.stringify(options.config));
  set("FAULTS", options.faults && JSON.stringify({ faults: options.faults }));
  set("ADMIN_PASSWORD", options.adminPassword);
  set("CONTROL_TOKEN", options.controlToken);
  return environment;
}

/** Finds the program: the one given, ACRKIT_BINARY, or acrkit on the path. */
async function findBinary(given) {
  const named = given ?? process.env.ACRKIT_BINARY;
  if (named) {
    if (await executable(named)) return named;
    throw new EmulatorError(`start emulator: ${named} is no program that can be run`);
  }
  const name = process.platform === "win32" ? "acrkit.exe" : "acrkit";
  for (const folder of (process.env.PATH ?? "").split(path.delimiter)) {
    if (folder && (await executable(path.join(folder, name)))) return path.join(folder, name);
  }
  throw new EmulatorError(
    "start emulator: acrkit is not on the path; install it with " +
      "go install github.com/acrkit/azcontainerregistry/cmd/acrkit@latest, or name it by the option binary or by ACRKIT_BINARY",
  );
}

async function executable(file) {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

// Process is the child process, which ends with this one.
class Process {
  #child;
  #stdout = "";
  #stderr = "";
  #ended;
  #killWithUs = () => this.#child.kill("SIGKILL");

  constructor(binary, args, env) {
    this.#child = spawn(binary, args, { env, stdio: ["ignore", "pipe", "pipe"], windowsHide: true });
    process.once("exit", this.#killWithUs);
    this.#child.stderr.setEncoding("utf8").on("data", (text) => {
      // What it says last is what a failure is about.
      this.#stderr = (this.#stderr + text).slice(-64 * 1024);
    });
    this.#ended = new Promise((resolve) => {
      this.#child.once("error", (error) => resolve(error));
      this.#child.once("close", (code, signal) => resolve(signal ?? code));
    }).finally(() => process.removeListener("exit", this.#killWithUs));
  }

  /** What the emulator has logged, its latest 64 KiB. */
  get log() {
    return this.#stderr;
  }

  async ready(signal) {
    let timer;
    let aborted;
    try {
      return await Promise.race([
        this.#info(),
        this.#ended.then((how) => {
          throw new EmulatorError(`start emulator: ${this.#failure(how)}`);
        }),
        new Promise((_, reject) => {
          timer = setTimeout(() => reject(new EmulatorError(`start emulator: not ready after ${startTimeout / 1000} s\n${this.#stderr}`)), startTimeout);
          aborted = () => reject(signal.reason);
          signal?.addEventListener("abort", aborted, { once: true });
        }),
      ]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
    }
  }

  // With -o json, the command's error is a line of JSON, the last one.
  #failure(how) {
    const last = this.#stderr.trimEnd().split("\n").at(-1);
    try {
      const { message, fix } = JSON.parse(last);
      if (message) return [message, ...(fix ?? [])].join("\n");
    } catch {
      // Another line: it says itself what happened.
    }
    return `it ended (${how instanceof Error ? how.message : how})\n${this.#stderr}`.trim();
  }

  #info() {
    return new Promise((resolve) => {
      this.#child.stdout.setEncoding("utf8").on("data", (text) => {
        this.#stdout += text;
        try {
          resolve(JSON.parse(this.#stdout).item);
        } catch {
          // Not whole yet.
        }
      });
    });
  }

  async stop() {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill("SIGINT");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), stopTimeout);
    await this.#ended;
    clearTimeout(timer);
  }
}

class Emulator {
  #info;
  #process;
  #remove;
  #stopping;

  constructor(info, authority, run, remove) {
    this.#info = info;
    this.#process = run;
    this.#remove = remove;
    this.endpoint = info.endpoint;
    this.registry = info.registry;
    this.username = info.username;
    this.password = info.password;
    this.directory = info.directory;
    this.identityProvider = info.identityProvider;
    this.authority = authority;
    this.faults = Object.freeze({
      list: async () => (await this.#control("GET", "faults")).faults,
      presets: async () => (await this.#control("GET", "faults/presets")).presets,
      set: async (...faults) => (await this.#control("PUT", "faults", { faults })).faults,
      add: async (...faults) => (await this.#control("POST", "faults", { faults })).faults,
      clear: async () => void (await this.#control("DELETE", "faults")),
    });
    this.clock = Object.freeze({
      now: async () => new Date((await this.#control("GET", "clock")).now),
      advance: async (duration) => new Date((await this.#control("POST", "clock", { advance: duration })).now),
      reset: async () => new Date((await this.#control("POST", "clock", { reset: true })).now),
    });
  }

  get log() {
    return this.#process.log;
  }

  clientOptions() {
    return this.authority ? { tlsOptions: { ca: this.authority } } : { allowInsecureConnection: true };
  }

  credential() {
    const origin = this.identityProvider;
    return {
      getToken: async (_scopes, options) => {
        const url = new URL("/msi/token", origin);
        url.search = new URLSearchParams({ "api-version": "2019-08-01", resource: audience }).toString();
        const { token, expires } = await this.#request("GET", url, { "X-IDENTITY-HEADER": "acrkit" }, undefined, options?.abortSignal).then((body) => ({
          token: body.access_token,
          expires: Number(body.expires_on) * 1000,
        }));
        return { token, expiresOnTimestamp: expires };
      },
    };
  }

  async requests() {
    return (await this.#control("GET", "requests")).requests ?? [];
  }

  async clearRequests() {
    await this.#control("DELETE", "requests");
  }

  async expireTokens() {
    await this.#control("POST", "tokens/expire");
  }

  async snapshot(registry = this.username) {
    return this.#control("GET", `snapshot/${encodeURIComponent(registry)}`);
  }

  async reset() {
    await this.#control("POST", "reset");
  }

  async stop() {
    this.#stopping ??= this.#process.stop().then(() => this.#remove());
    await this.#stopping;
  }

  async [Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose")]() {
    await this.stop();
  }

  #control(method, route, body) {
    if (this.#stopping) return Promise.reject(new EmulatorError(`${method} ${route}: the emulator was stopped`));
    const url = new URL(route, this.#info.controlURL);
    return this.#request(method, url, { Authorization: `Bearer ${this.#info.controlToken}` }, body);
  }

  #request(method, url, headers, body, signal) {
    const what = `${method} ${url.pathname}`;
    const data = body === undefined ? undefined : JSON.stringify(body);
    const { request } = url.protocol === "https:" ? https : http;
    return new Promise((resolve, reject) => {
      const fail = (cause) => reject(new EmulatorError(`${what}: ${cause.message}`, { cause }));
      const sent = request(url, { method, headers, ca: this.authority, agent: false, signal, timeout: requestTimeout }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part) => (text += part));
        response.on("error", fail);
        response.on("end", () => {
          let json;
          try {
            json = text === "" ? undefined : JSON.parse(text);
          } catch (error) {
            return fail(error);
          }
          if (response.statusCode >= 300) {
            return reject(new EmulatorError(`${what}: ${json?.error ?? `status ${response.statusCode}`}`));
          }
          resolve(json);
        });
      });
      sent.on("timeout", () => sent.destroy(new Error(`no response in ${requestTimeout / 1000} s`)));
      sent.on("error", fail);
      sent.end(data);
    });
  }
}
