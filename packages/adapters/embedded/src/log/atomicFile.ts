import { dirname } from "node:path"
import type { Files } from "@millrace/core/node"

/** After a crash the file holds either the old text or the new one, whole. */
export const replaceFile = async (files: Files, path: string, text: string): Promise<void> => {
  const fresh = `${path}.new`
  const file = await files.open(fresh, "w", 0o600)
  try {
    await file.write(Buffer.from(text), 0)
    await file.sync()
  } finally {
    await file.close()
  }
  await files.rename(fresh, path)
  await files.syncDirectory(dirname(path))
}
