import { type Files, ignoreAbsence, type OpenFile } from "@millrace/core/node"

const nothing = () => Promise.resolve()

/**
 * A door to `files` that lets nothing in: whatever opens a log through it finds it as a start would, repairs and all, and the
 * disk keeps what it had. For those who never read again what they wrote.
 */
export const unwritten = (files: Files): Files => ({
  ...files,
  open: async (path, flags) => {
    if (flags === "r") return files.open(path, "r")
    const isNew = flags.startsWith("w")
    const found = isNew ? undefined : await files.open(path, "r").catch(ignoreAbsence)
    return unwrittenFile(found)
  },
  mkdir: nothing,
  rename: nothing,
  copyFile: nothing,
  rm: nothing,
  syncDirectory: nothing
})

const unwrittenFile = (found: OpenFile | undefined): OpenFile => ({
  write: nothing,
  append: nothing,
  read: (target, position) => found?.read(target, position) ?? Promise.resolve(0),
  datasync: nothing,
  sync: nothing,
  truncate: nothing,
  size: () => found?.size() ?? Promise.resolve(0),
  close: () => found?.close() ?? nothing()
})
