/** RFC 9562 version 7: 48 bits of Unix milliseconds, then random. `crypto.randomUUID` is missing on plain-http pages. */
export const uuid7 = (nowMillis: number): string => {
  const bytes = crypto.getRandomValues(new Uint8Array(10))
  const random = [...bytes].map((byte) => (byte + 256).toString(16).slice(1)).join("")
  return (nowMillis.toString(16).padStart(12, "0") + random).replace(
    /(.{8})(.{4}).(.{3}).(.{3})/,
    `$1-$2-7$3-${"89ab"[bytes[9]! & 3]}$4-`
  )
}
