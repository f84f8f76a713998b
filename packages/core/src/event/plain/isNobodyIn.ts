import { isNobody, mayBeNobody } from "../placeholders.ts"

const text = new TextDecoder()

/** `isNobody` of a plain string's bytes. */
export const isNobodyIn = (bytes: Uint8Array, start: number, end: number): boolean =>
  start === end || (mayBeNobody(bytes[start]!, bytes[start + 1]!) && isNobody(text.decode(bytes.subarray(start, end))))
