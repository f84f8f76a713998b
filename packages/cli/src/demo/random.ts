/** Uniform in [0, 1): sfc32, seeded by four words of a text's hash, so that every run draws the same numbers. */
export type Random = () => number

export const seeded = (seed: string): Random => {
  let [a, b, c, d] = words(seed)
  const next = () => {
    const t = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + t
    c |= 0
    return (t >>> 0) / 4_294_967_296
  }
  for (let round = 0; round < 16; round++) next()
  return next
}

/** Four FNV-1a hashes with different starts. */
const words = (seed: string): [number, number, number, number] => {
  const one = (start: number) => {
    let hash = start
    for (let index = 0; index < seed.length; index++) hash = Math.imul(hash ^ seed.charCodeAt(index), 0x01_00_01_93)
    return hash | 0
  }
  return [one(0x81_1c_9d_c5), one(0x9e_37_79_b9), one(0x85_eb_ca_6b), one(0xc2_b2_ae_35)]
}

export const pick = <Value>(random: Random, values: ReadonlyArray<Value>): Value =>
  values[Math.floor(random() * values.length)]!

/** Index drawn with probability in proportion to its weight. */
export const weighted = (random: Random, weights: ReadonlyArray<number>): number => {
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0)
  const found = weights.findIndex((weight) => (left -= weight) < 0)
  return found === -1 ? weights.length - 1 : found
}
