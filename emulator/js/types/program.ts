// A program that has to be well typed. It is not run.
import { ContainerRegistryClient } from "@azure/container-registry";
import { type Emulator, EmulatorError, start } from "../index.js";

export async function program(): Promise<string[]> {
  const emulator: Emulator = await start({ tls: true, faults: [{ preset: "throttled", count: 1 }] });
  try {
    const client = new ContainerRegistryClient(emulator.endpoint, emulator.credential(), emulator.clientOptions());
    const names: string[] = [];
    for await (const name of client.listRepositoryNames()) names.push(name);
    await emulator.faults.add({ routes: ["get-manifest"], respond: { status: 503 } });
    const last = (await emulator.requests()).at(-1);
    return last ? [...names, last.method, String(last.status)] : names;
  } catch (error) {
    if (error instanceof EmulatorError) return [error.message];
    throw error;
  } finally {
    await emulator.stop();
  }
}
