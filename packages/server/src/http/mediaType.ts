import { type Refusal, refusal } from "./Refusal.ts"

const JSON_TYPE = /^application\/(?:json|[\w.+-]+\+json)$/u

interface MediaRule {
  /** Beacons send text/plain, because that needs no preflight. */
  readonly plainText: boolean
  /** No content-type at all counts as JSON: minimal senders leave it out. */
  readonly absent: boolean
}

/** `undefined` when the body may be read as JSON. */
export const refuseMediaType = (contentType: string | undefined, rule: MediaRule): Refusal | undefined => {
  if (contentType === undefined || contentType.trim() === "") return rule.absent ? undefined : unsupported("(none)")
  const [type = "", ...parameters] = contentType.toLowerCase().split(";")
  const name = type.trim()
  if (!JSON_TYPE.test(name) && !(rule.plainText && name === "text/plain")) return unsupported(name)
  const charset = parameters
    .map((part) => /^charset="?([^"]*)"?$/u.exec(part.trim())?.[1])
    .find((found) => found !== undefined)
  return charset === undefined || charset === "utf-8" || charset === "utf8" || charset === "us-ascii"
    ? undefined
    : refusal("unsupported_media_type", "The body must be UTF-8.")
}

const unsupported = (name: string) =>
  refusal("unsupported_media_type", `The body was sent as ${name.slice(0, 80)}; send it as application/json.`, {
    headers: { "accept-post": "application/json, text/plain" }
  })
