import { Effect } from "effect"
import { promisify } from "node:util"
import { brotliDecompress, gunzip, inflate as inflateZlib } from "node:zlib"
import { MAX_BODY_BYTES } from "./readBytes.ts"
import { type Refusal, refusal } from "./Refusal.ts"

type Inflate = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Promise<Uint8Array>

const inflaters = new Map<string, Inflate>([
  ["gzip", promisify(gunzip)],
  ["x-gzip", promisify(gunzip)],
  ["deflate", promisify(inflateZlib)],
  ["br", promisify(brotliDecompress)]
])

const ACCEPTED = { "accept-encoding": "gzip, deflate, br" }

/** Undoes the content encoding. zlib stops at the bound itself, so a bomb never unfolds in memory. */
export const inflate = (bytes: Uint8Array, encoding: string | undefined): Effect.Effect<Uint8Array, Refusal> => {
  const name = encoding?.trim().toLowerCase() ?? ""
  if (name === "" || name === "identity") return Effect.succeed(bytes)
  const inflater = inflaters.get(name)
  if (inflater === undefined) {
    return Effect.fail(
      refusal("unsupported_encoding", "The body may be sent plain or as one of gzip, deflate, br.", {
        headers: ACCEPTED
      })
    )
  }
  return Effect.tryPromise({
    try: () => inflater(bytes, { maxOutputLength: MAX_BODY_BYTES }),
    catch: (cause) => (isOverflow(cause) ? tooLargeInflated : corrupt(name))
  })
}

const isOverflow = (cause: unknown) =>
  cause instanceof Error && "code" in cause && cause.code === "ERR_BUFFER_TOO_LARGE"

const tooLargeInflated = refusal("body_too_large", `The body inflates to more than ${MAX_BODY_BYTES} bytes.`, {
  errors: [{ path: "", code: "body_too_large", message: `must inflate to at most ${MAX_BODY_BYTES} bytes` }]
})

const corrupt = (name: string) => refusal("invalid_encoding", `The body is not valid ${name} data, or was cut short.`)
