import { renameSync, rmSync } from "node:fs"
import type { PostgresServer } from "./postgres.ts"
import { queryPostgres } from "./queryPostgres.ts"
import { run } from "./run.ts"

/**
 * Keeps a copy of all that a server has, file by file; what is returned kills it and starts the copy in its place, as a
 * restored physical backup or a replica that lagged behind would be: its transactions have numbers that were given before.
 */
export const putServerAside = async (server: PostgresServer): Promise<() => Promise<void>> => {
  const [setting] = await queryPostgres(server.url, "SHOW data_directory")
  const folder = String(setting?.["data_directory"])
  const copy = `${folder}.aside`
  await server.stop()
  // Not by Node, which would make them this user's.
  await run("cp", ["-a", folder, copy])
  await server.start()
  return async () => {
    await server.kill()
    rmSync(folder, { recursive: true })
    renameSync(copy, folder)
    await server.start()
  }
}
