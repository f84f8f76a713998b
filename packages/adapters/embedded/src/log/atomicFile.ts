import { open, rename } from "node:fs/promises"
import { dirname } from "node:path"
import { syncDirectory } from "./LogFile.ts"

/** After a crash the file holds either the old text or the new one, whole. */
export const replaceFile = async (path: string, text: string): Promise<void> => {
  const fresh = `${path}.new`
  const handle = await open(fresh, "w")
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(fresh, path)
  await syncDirectory(dirname(path))
}
