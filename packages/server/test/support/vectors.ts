import { existsSync, readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

/** Public test vectors lie beside the checkout, not in it. */
const root = fileURLToPath(new URL("../../../../../shared/vectors/", import.meta.url))

export const vectorsAreHere = existsSync(root)
if (!vectorsAreHere) console.log(`skipped: the vector suites are not at ${root}`)

export const vectorFiles = (folder: string): ReadonlyArray<string> => (vectorsAreHere ? readdirSync(root + folder) : [])

export const vectorBytes = (path: string): Uint8Array => new Uint8Array(readFileSync(root + path))

export const vectorJson = (path: string): unknown => JSON.parse(readFileSync(root + path, "utf8"))
