/** The 16 bytes of a UUID in its usual text form, as batches carry them. */
export const uuidBytes = (uuid: string): Uint8Array => Buffer.from(uuid.replaceAll("-", ""), "hex")
