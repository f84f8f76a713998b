import { hash } from "node:crypto"

const HEX = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/iu

/** The namespace of every id that the importer makes: UUIDv5 of "millrace.dev/import" in the DNS namespace. */
export const IMPORT_NAMESPACE = "4d904955-e382-5a9c-a02c-d4236514d118"

/**
 * RFC 9562 name-based ids (SHA-1) that share a prefix: `uuid5(namespace, prefix + name)`. Made once per source,
 * since the namespace and the prefix are the same for every row.
 */
export const uuid5Maker = (namespace: string, prefix: string): ((name: string) => string) => {
  if (!HEX.test(namespace)) throw new RangeError(`not a UUID: ${namespace}`)
  const head = Buffer.concat([Buffer.from(namespace.replaceAll("-", ""), "hex"), Buffer.from(prefix, "utf8")])
  const scratch = Buffer.alloc(head.length + 256)
  head.copy(scratch)
  return (name) => {
    const bytes = Buffer.byteLength(name)
    if (bytes > 256) throw new RangeError("a row's name is at most 256 bytes")
    scratch.write(name, head.length)
    return format(hash("sha1", scratch.subarray(0, head.length + bytes), "hex"))
  }
}

const VARIANT = "89ab"

const format = (hex: string): string =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${VARIANT[Number.parseInt(hex[16]!, 16) & 3]!}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
