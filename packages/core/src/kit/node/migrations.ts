import { Effect } from "effect"
import { readdir, readFile } from "node:fs/promises"

/** One numbered file of DDL: `0007_origin.sql`. */
export interface Migration {
  readonly version: number
  readonly sql: string
}

/** All files of the folder, in their order. Rejects where it cannot be read. */
export const readMigrations = async (folder: URL): Promise<ReadonlyArray<Migration>> => {
  const names = (await readdir(folder)).filter((name) => /^\d{4}_.+\.sql$/u.test(name)).toSorted()
  return Promise.all(
    names.map(async (name) => ({
      version: Number(name.slice(0, 4)),
      sql: await readFile(new URL(name, folder), "utf8")
    }))
  )
}

/** How an engine keeps its schema's versions; its errors are its own. */
export interface MigratedSchema<E, R> {
  /** Makes the list of versions where there is none, and reads it. */
  readonly applied: Effect.Effect<Iterable<number>, E, R>
  /** Applies one and notes its version, in the transaction that the caller has begun. */
  readonly apply: (migration: Migration) => Effect.Effect<void, E, R>
  /** The schema is newer than the program. */
  readonly refuse: (problem: string) => E
}

/** Those that have not been applied; refuses a schema that a later program wrote. */
export const missingMigrations = <E, R>(
  migrations: ReadonlyArray<Migration>,
  { applied, refuse }: Pick<MigratedSchema<E, R>, "applied" | "refuse">
): Effect.Effect<ReadonlyArray<Migration>, E, R> =>
  Effect.flatMap(applied, (versions) => {
    const known = new Set(versions)
    const current = Math.max(0, ...known)
    const latest = migrations.at(-1)?.version ?? 0
    if (current > latest) return Effect.fail(refuse(`schema version ${current} is newer than this program's ${latest}`))
    // Not by the highest: two that were written side by side may come in either order.
    return Effect.succeed(migrations.filter(({ version }) => !known.has(version)))
  })

/** Brings the schema up to date. The caller's transaction makes it all or nothing, and its lock one process at a time. */
export const applyMigrations = <E, R>(
  migrations: ReadonlyArray<Migration>,
  schema: MigratedSchema<E, R>
): Effect.Effect<void, E, R> =>
  Effect.flatMap(missingMigrations(migrations, schema), (missing) =>
    Effect.forEach(missing, schema.apply, { discard: true })
  )
