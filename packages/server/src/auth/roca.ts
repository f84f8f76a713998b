/** Odd primes, beginning with 3, whose product divides what the broken generator's primes are built around. */
const PRIMES = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167
]

/** Powers of 65537 modulo each prime. */
const residues = PRIMES.map((prime) => {
  const powers = new Set<number>()
  for (let power = 1; !powers.has(power); power = (power * (65_537 % prime)) % prime) powers.add(power)
  return powers
})

/**
 * Was this RSA modulus made by the generator of CVE-2017-15361? Its primes are `k·M + (65537^a mod M)`, so that their
 * product is a power of 65537 modulo each small prime: by chance that holds for one modulus in about 10^8.
 */
export const isRoca = (modulus: bigint): boolean =>
  PRIMES.every((prime, at) => residues[at]!.has(Number(modulus % BigInt(prime))))
