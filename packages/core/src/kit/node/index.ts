import { createHmac, randomBytes } from "node:crypto"
import type { UserHash } from "../../event/Tombstones.ts"

const KEY_BYTES = 32

/** For a {@link keyedHash} that is to last. */
export const newHashKey = (): Uint8Array => new Uint8Array(randomBytes(KEY_BYTES))

/** HMAC-SHA-256 of project and user, in hexadecimal digits; whoever does not have the key cannot even test a guess. */
export const keyedHash =
  (key: Uint8Array): UserHash =>
  (project_id, user_id) =>
    createHmac("sha256", key)
      .update(JSON.stringify([project_id, user_id]))
      .digest("hex")

export { type Files, ignoreAbsence, nodeFiles, type OpenFile, type OpenFlags } from "./files.ts"
export { FolderInUse, FolderOwner, folderOwner, lockFolder, ownerText } from "./FolderLock.ts"
export { LockFailed } from "./lockFile.ts"
export {
  applyMigrations,
  type MigratedSchema,
  type Migration,
  missingMigrations,
  readMigrations
} from "./migrations.ts"
export { type CopierOptions, queueCopier, queueRestorer, type RestoreTarget } from "./queueBackup.ts"
