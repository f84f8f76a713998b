import { FolderInUse, lockFolder } from "@millrace/core/node"
import { Effect, type Scope } from "effect"
import { mkdir } from "node:fs/promises"
import { FolderTaken, FolderUnusable } from "./failures.ts"

/** The data folder, made if need be, is this process's until the scope closes. */
export const ownFolder = (
  directory: string,
  instead?: string
): Effect.Effect<void, FolderTaken | FolderUnusable, Scope.Scope> => {
  const failed = (cause: unknown) => {
    if (!(cause instanceof FolderInUse)) return new FolderUnusable({ directory, cause })
    const { owner } = cause
    return new FolderTaken({
      directory,
      ...(owner === undefined ? {} : { owner }),
      ...(instead === undefined ? {} : { instead })
    })
  }
  const take = async () => {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    return lockFolder(directory)
  }
  return Effect.asVoid(
    Effect.acquireRelease(Effect.tryPromise({ try: take, catch: failed }), (release) => Effect.sync(release))
  )
}
