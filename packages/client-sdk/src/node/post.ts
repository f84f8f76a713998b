import { promisify } from "node:util"
import { gzip } from "node:zlib"

const compress = promisify(gzip)

/** Below this, gzip costs more than it saves. */
export const GZIP_FROM_BYTES = 1_024

export const post = async (url: string, body: string, timeoutMillis: number): Promise<Response> => {
  const headers = { "content-type": "application/json" }
  const signal = AbortSignal.timeout(timeoutMillis)
  if (body.length < GZIP_FROM_BYTES) return fetch(url, { method: "POST", body, headers, signal })
  const packed = await compress(body)
  return fetch(url, { method: "POST", body: packed, headers: { ...headers, "content-encoding": "gzip" }, signal })
}
