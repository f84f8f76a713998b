import fc from "fast-check"

/** Numbers written as people, languages and databases do, and where doubles end. */
export const NUMBER_TEXTS = [
  "0",
  "-0",
  "-0.0",
  "0e5",
  "1",
  "1.0",
  "1e0",
  "10",
  "1E+1",
  "0.1",
  "0.10000000000000001",
  "-0.5",
  "1.50",
  "1e21",
  "1e-7",
  "0.0000001",
  "1000000000000000",
  "9007199254740991",
  "9007199254740992",
  "9007199254740993",
  "9007199254740994",
  "-9007199254740993",
  "9007199254740992.0",
  "4111111111111111",
  "1234567890123456789",
  "9223372036854775807",
  "9223372036854775808",
  "-9223372036854775808",
  "-9223372036854775809",
  "12345678901234567890",
  "12345678901234567891",
  "18446744073709551615",
  "18446744073709551616",
  "18446744073709552000",
  "100000000000000000000",
  "1e20",
  "100000000000000000001",
  "1000000000000000000000",
  "1152921504606846976",
  "1152921504606847000",
  "5e-324",
  "1e300",
  "1.7976931348623157e308",
  "123456789.123456789123456789",
  `1${"0".repeat(39)}`,
  "9".repeat(40)
] as const

/** Numbers too large for a double. */
export const INFINITE_TEXTS = ["1e400", "-1e400", "1e309", `1${"0".repeat(400)}`] as const

const digits = (minLength: number, maxLength: number) =>
  fc.array(fc.nat(9), { minLength, maxLength, size: "max" }).map((list) => list.join(""))
const sign = fc.constantFrom("", "-")
const whole = fc
  .tuple(fc.integer({ min: 1, max: 9 }), digits(0, 39), fc.nat(3))
  .map(([first, rest, zeros]) => `${first}${rest}`.slice(0, 40 - zeros) + "0".repeat(zeros))
/** An integer a few units from a double: its neighbours share it. */
const nearDouble = fc
  .tuple(fc.integer({ min: 52, max: 126 }), fc.integer({ min: -3, max: 3 }))
  .map(([bits, off]) => String(2n ** BigInt(bits) + BigInt(off)))
const decimal = fc.tuple(fc.oneof(fc.constant("0"), whole), digits(1, 25)).map(([front, back]) => `${front}.${back}`)
const exponent = fc
  .tuple(
    fc.oneof(fc.integer({ min: 1, max: 9 }).map(String), decimal),
    fc.constantFrom("e", "E"),
    fc.integer({ min: -330, max: 260 })
  )
  .map(([front, e, power]) => `${front}${e}${power > 0 && power % 2 === 0 ? "+" : ""}${power}`)

/** The text of any JSON number that is a finite double. */
export const numberText = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom<string>(...NUMBER_TEXTS) },
  { weight: 3, arbitrary: fc.tuple(sign, whole).map(([minus, text]) => minus + text) },
  { weight: 2, arbitrary: fc.tuple(sign, nearDouble).map(([minus, text]) => minus + text) },
  { weight: 2, arbitrary: fc.tuple(sign, decimal).map(([minus, text]) => minus + text) },
  { weight: 1, arbitrary: fc.tuple(sign, exponent).map(([minus, text]) => minus + text) }
)

/**
 * The value that a number's text is, as one text: of an integer in digits every digit, of any other number those that its
 * double prints. Knows nothing of how the product tells.
 */
export const exactValue = (text: string): string => plain(/^-?\d+$/u.test(text) ? text : String(Number(text)))

/** Sign, significant digits and power of ten. */
const plain = (text: string): string => {
  const [, minus, front, back = "", power = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/u.exec(text)!
  const all = (front! + back).replace(/^0+/u, "")
  const significant = all.replace(/0+$/u, "")
  if (significant === "") return "0"
  return `${minus}${significant}e${Number(power) - back.length + all.length - significant.length}`
}
