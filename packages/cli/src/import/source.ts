import { createReadStream, openSync, closeSync, readSync, statSync } from "node:fs"
import { basename } from "node:path"
import { Readable } from "node:stream"
import { createGunzip } from "node:zlib"
import { createHash } from "node:crypto"
import { CliFailure } from "../CliFailure.ts"

const CHUNK_BYTES = 64 * 1024
const HEAD_BYTES = 64 * 1024

/** Source that is imported. `-` is standard input. */
export interface InputFile {
  readonly path: string
  /** The base name, without `.gz`. */
  readonly name: string
  readonly gzip: boolean
  /** Bytes on disk; `undefined` for standard input. */
  readonly size: number | undefined
  /** Changes whenever the file does; `undefined` for standard input. */
  readonly fingerprint: string | undefined
}

export const openInput = (path: string): InputFile => {
  if (path === "-") return { path, name: "stdin", gzip: false, size: undefined, fingerprint: undefined }
  try {
    const { isFile, mtimeMs, size } = statOf(path)
    if (!isFile) throw new CliFailure({ message: `${path} is not a file` })
    const head = headOf(path)
    const hash = createHash("sha256").update(head).update(`${size} ${mtimeMs}`).digest("hex")
    const gzip = isGzip(head)
    if (path.endsWith(".gz") && !gzip && size > 0)
      throw new CliFailure({ message: `${path} is not gzip, whatever its name says` })
    return { path, name: basename(path).replace(/\.gz$/u, ""), gzip, size, fingerprint: hash }
  } catch (error) {
    if (error instanceof CliFailure) throw error
    throw new CliFailure({ message: `cannot read ${path}: ${reasonOf(error)}` })
  }
}

const statOf = (path: string) => {
  const stat = statSync(path)
  return { isFile: stat.isFile(), mtimeMs: stat.mtimeMs, size: stat.size }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EISDIR: "it is a directory"
}

const reasonOf = (error: unknown): string => {
  const code = error instanceof Error && "code" in error ? String(error.code) : ""
  return REASONS[code] ?? (error instanceof Error ? error.message : String(error))
}

const headOf = (path: string): Buffer => {
  const file = openSync(path, "r")
  try {
    const head = Buffer.alloc(HEAD_BYTES)
    return head.subarray(0, readSync(file, head, 0, HEAD_BYTES, 0))
  } finally {
    closeSync(file)
  }
}

const isGzip = (head: Buffer) => head.length > 2 && head[0] === 0x1f && head[1] === 0x8b

export interface Chunk {
  readonly bytes: Buffer
  /** Read from disk so far, compressed bytes included: what progress is measured by. */
  readonly readBytes: number
}

/** The inflated bytes from `offset` on, in chunks, as fast as they are asked for. */
export async function* chunksOf(file: InputFile, offset: number): AsyncGenerator<Chunk, void, undefined> {
  const counter = { readBytes: file.gzip ? 0 : offset }
  const raw: Readable =
    file.path === "-"
      ? process.stdin
      : createReadStream(file.path, { highWaterMark: CHUNK_BYTES, start: counter.readBytes })
  let skip = file.gzip ? offset : 0
  try {
    for await (const bytes of inflatedWhereGzip(counted(raw, counter))) {
      if (skip >= bytes.length) skip -= bytes.length
      else {
        yield { bytes: skip > 0 ? bytes.subarray(skip) : bytes, readBytes: counter.readBytes }
        skip = 0
      }
    }
  } catch (error) {
    throw new CliFailure({ message: `cannot read ${file.path}: ${reasonOf(error)}` })
  } finally {
    raw.destroy()
  }
}

async function* counted(raw: Readable, counter: { readBytes: number }): AsyncGenerator<Buffer, void, undefined> {
  for await (const bytes of raw as AsyncIterable<Buffer>) {
    counter.readBytes += bytes.length
    yield bytes
  }
}

/** Decided by the first bytes, so that it works for standard input too. */
async function* inflatedWhereGzip(
  chunks: AsyncGenerator<Buffer, void, undefined>
): AsyncGenerator<Buffer, void, undefined> {
  const first = await chunks.next()
  if (first.done === true) return
  const all = prepend(first.value, chunks)
  if (!isGzip(first.value)) return yield* all
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES })
  const source = Readable.from(all, { objectMode: false })
  source.on("error", (error) => gunzip.destroy(error))
  yield* source.pipe(gunzip) as AsyncIterable<Buffer>
}

async function* prepend(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  yield first
  yield* rest
}
