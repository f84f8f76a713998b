import { isNobody } from "../../identity/placeholders.ts"

const text = new TextDecoder()

const [SPACE, APOSTROPHE, ZERO, BRACKET, BEYOND_ASCII] = [32, 39, 48, 91, 128]
const [A, N, O, U] = [97, 110, 111, 117]

/** {@link isNobody} of a plain string's bytes: nearly every id is told from all of them by its first two. */
export const isNobodyIn = (bytes: Uint8Array, start: number, end: number): boolean =>
  start === end ||
  (beginsLikeNobody(bytes[start]!, bytes[start + 1]! | 32) && isNobody(text.decode(bytes.subarray(start, end))))

/** `second` in lower case. Blanks beyond ASCII begin with bytes of their own. */
const beginsLikeNobody = (first: number, second: number): boolean => {
  switch (first) {
    case SPACE:
    case APOSTROPHE:
    case BRACKET:
      return true
    case ZERO:
      return second === ZERO
    default:
      if (first >= BEYOND_ASCII) return true
      return (first | 32) === U ? second === N : (first | 32) === N && (second === U || second === O || second === A)
  }
}
