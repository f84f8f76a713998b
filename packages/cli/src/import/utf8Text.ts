import { isUtf8 } from "node:buffer"

const LINE_FEED = 10

/**
 * Bytes → text, where every byte that is not UTF-8 becomes the lone surrogate `U+DC00 + byte`, in the whole line that
 * holds it. Structure (delimiters, quotes, line feeds) survives, the line's record is refused later by rule, its
 * neighbours are not touched, and {@link byteLengthOf} still knows where each record began.
 */
export const textOf = (bytes: Buffer): string => {
  if (isUtf8(bytes)) return bytes.toString("utf8")
  let text = ""
  for (let start = 0; start < bytes.length;) {
    const feed = bytes.indexOf(LINE_FEED, start)
    const end = feed === -1 ? bytes.length : feed + 1
    const line = bytes.subarray(start, end)
    text += isUtf8(line) ? line.toString("utf8") : escaped(line)
    start = end
  }
  return text
}

const escaped = (line: Buffer): string => {
  const units = new Uint16Array(line.length)
  for (let index = 0; index < line.length; index++)
    units[index] = line[index]! < 128 ? line[index]! : 0xdc00 + line[index]!
  return Buffer.from(units.buffer).toString("utf16le")
}

/** The bytes that {@link textOf} made this text from: a lone surrogate stands for one byte, though it encodes to three. */
export const byteLengthOf = (text: string): number => {
  const encoded = Buffer.byteLength(text, "utf8")
  if (text.isWellFormed()) return encoded
  return encoded - 2 * (text.match(/[\ud800-\udfff]/gu)?.length ?? 0)
}
