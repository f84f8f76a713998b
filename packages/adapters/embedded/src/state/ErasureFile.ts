import { join } from "node:path"
import { Tombstones } from "@millrace/core"
import { type Files, keyedHash, newHashKey } from "@millrace/core/node"
import { Schema } from "effect"
import { replaceFile } from "../log/atomicFile.ts"
import { readState, sealState } from "./stateFile.ts"

const Content = Schema.Struct({
  version: Schema.Literals([1, 2]),
  /** Of the hashes, in hexadecimal digits. */
  key: Schema.String,
  tombstones: Schema.Array(Schema.Struct({ hash: Schema.String, until: Schema.Int })),
  /** Written before the log is rewritten, and taken back after that. */
  pending: Schema.Boolean
})
const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Content))

/** Who was erased from a log: made with the first erasure, read whole, replaced whole. */
export class ErasureFile {
  readonly tombstones: Tombstones
  readonly #files: Files
  readonly #path: string
  readonly #key: Uint8Array
  #pending: boolean

  private constructor(
    place: { readonly files: Files; readonly path: string },
    key: Uint8Array,
    tombstones: Tombstones,
    pending: boolean
  ) {
    this.#files = place.files
    this.#path = place.path
    this.#key = key
    this.tombstones = tombstones
    this.#pending = pending
  }

  /** Rejects with `CorruptLog` when the file is not what was written: without it erased users could come back. */
  static async open(files: Files, directory: string): Promise<ErasureFile> {
    const place = { files, path: join(directory, "erasures.json") }
    const content = await readState(files, place.path, { decode, mayBeBare: ({ version }) => version === 1 })
    if (content === undefined) {
      const key = newHashKey()
      return new ErasureFile(place, key, new Tombstones(keyedHash(key)), false)
    }
    const { key, pending, tombstones } = content
    const bytes = new Uint8Array(Buffer.from(key, "hex"))
    return new ErasureFile(place, bytes, new Tombstones(keyedHash(bytes), tombstones), pending)
  }

  /** Whether the log may still hold what the tombstones cover. */
  get pending(): boolean {
    return this.#pending
  }

  async save(pending: boolean): Promise<void> {
    // Also when it cannot be written: then it is not known what the file says.
    this.#pending = true
    const content: typeof Content.Type = {
      version: 2,
      key: Buffer.from(this.#key).toString("hex"),
      tombstones: this.tombstones.all,
      pending
    }
    await replaceFile(this.#files, this.#path, sealState(content))
    this.#pending = pending
  }
}
