/** How an emulator is started. Everything may be left out. */
export interface StartOptions {
  /** The program acrkit. Otherwise the one that ACRKIT_BINARY names, or acrkit on the path. */
  binary?: string;
  /** The folder of the data, which stays. Otherwise a temporary one, which stop() removes. */
  dir?: string;
  /** Registries, identities, policies and quirks, as in EMULATOR.md. */
  config?: Record<string, unknown>;
  /** What goes wrong from the start. */
  faults?: Fault[];
  /**
   * Serve https; true unless it is false. Azure's libraries send no token
   * over http.
   */
  tls?: boolean;
  /** The password of the admin user. Otherwise one is made up. */
  adminPassword?: string;
  /** The token of the control endpoint. Otherwise one is made up. */
  controlToken?: string;
  /** Gives the start up. It does not stop an emulator that runs. */
  signal?: AbortSignal;
}

/** A rule about what goes wrong: EMULATOR.md, "Faults". */
export interface Fault {
  preset?: string;
  routes?: string[];
  methods?: string[];
  registry?: string;
  repository?: string;
  reference?: string;
  skip?: number;
  count?: number;
  probability?: number;
  seed?: number;
  delay?: string;
  bytesPerSecond?: number;
  expireToken?: boolean;
  header?: Record<string, string>;
  redirectHost?: string;
  loseChunk?: boolean;
  respond?: {
    status?: number;
    code?: string;
    message?: string;
    detail?: unknown;
    body?: string;
    contentType?: string;
    retryAfter?: string;
    challenge?: string;
    afterHandling?: boolean;
  };
  break?: { on?: "request" | "response"; after?: number; how?: "cut" | "reset" | "stall"; for?: string };
  corrupt?: { on?: "request" | "response"; offset?: number };
  replica?: { lag?: string };
}

/** A rule in force. */
export interface FaultState {
  fault: Fault;
  /** How many requests the rule covered, and how many it was applied to. */
  matched: number;
  applied: number;
}

/** A request that the emulator has served; it holds no secrets. */
export interface RecordedRequest {
  number: number;
  time: string;
  /** How long it took, such as "1.5ms". */
  duration: string;
  /** The operation, such as "get-manifest": EMULATOR.md lists them. */
  route: string;
  method: string;
  host: string;
  path: string;
  registry?: string;
  repository?: string;
  reference?: string;
  digest?: string;
  userAgent?: string;
  range?: string;
  identity?: string;
  needed?: string[];
  asked?: string[];
  granted?: string[];
  /** 0 when the connection was broken before a response. */
  status: number;
  receivedBytes: number;
  sentBytes: number;
  [member: string]: unknown;
}

/** What the Azure libraries call a TokenCredential. */
export interface Credential {
  getToken(scopes: string | string[], options?: { abortSignal?: AbortSignal }): Promise<{ token: string; expiresOnTimestamp: number }>;
}

/** A running emulator. */
export interface Emulator {
  /** The registry's URL, such as https://127.0.0.1:41234. */
  readonly endpoint: string;
  /** Its host and port, as they begin a reference. */
  readonly registry: string;
  /** The admin user; undefined when a configuration names the registries. */
  readonly username?: string;
  readonly password?: string;
  /** The folder of the data. */
  readonly directory: string;
  /** The origin of the stand-in for Entra. */
  readonly identityProvider: string;
  /** The certificate authority to trust, in PEM; undefined over http. */
  readonly authority?: string;
  /** What the emulator has logged, its latest 64 KiB. */
  readonly log: string;
  /** Options for Azure's clients, which make them trust the emulator. */
  clientOptions(): { tlsOptions?: { ca: string }; allowInsecureConnection?: boolean };
  /** A credential for Azure's clients: an owner, unless a configuration says otherwise. */
  credential(): Credential;
  readonly faults: {
    /** The rules in force. */
    list(): Promise<FaultState[]>;
    /** The ready-made faults. */
    presets(): Promise<unknown[]>;
    /** Replaces the rules, and returns those in force. */
    set(...faults: Fault[]): Promise<FaultState[]>;
    /** Adds rules, and returns those in force. */
    add(...faults: Fault[]): Promise<FaultState[]>;
    clear(): Promise<void>;
  };
  readonly clock: {
    now(): Promise<Date>;
    /** Moves the clock by a duration such as "2h" or "90s". */
    advance(duration: string): Promise<Date>;
    reset(): Promise<Date>;
  };
  /** The latest requests, oldest first. */
  requests(): Promise<RecordedRequest[]>;
  clearRequests(): Promise<void>;
  /** Makes every token issued so far count as expired. */
  expireTokens(): Promise<void>;
  /** What a registry holds; the admin user's, when none is named. */
  snapshot(registry?: string): Promise<unknown>;
  /** Empties the registries, ends faults and sets the clock back. */
  reset(): Promise<void>;
  /** Stops the emulator, and removes its temporary folder. May be called again. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What start() and the calls of an emulator fail with. */
export class EmulatorError extends Error {}

/**
 * Starts an emulator on a free loopback port, and returns when it serves
 * requests. It ends with this process at the latest.
 */
export function start(options?: StartOptions): Promise<Emulator>;
