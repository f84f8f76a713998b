/** RFC 9562 version 7: 48 bits of Unix milliseconds, then random. `crypto.randomUUID` is missing on plain-http pages. */
export const uuid7 = (nowMillis: number): string => {
  const random = crypto.getRandomValues(new Uint8Array(18))
  let next = 0
  return `${nowMillis.toString(16).padStart(12, "0")}-7xxx-8xxx-xxxxxxxxxxxx`
    .replace(/x/g, () => (random[next++]! & 15).toString(16))
    .replace(/.{8}/, "$&-")
}
