import { vectorBytes, vectorFiles, vectorJson, vectorsAreHere } from "../vectors.ts"

const OWN = [
  "",
  " ",
  "\u0000",
  "a\u0000b",
  "\ud800",
  "\udc00x",
  "\ufeff",
  "\u2028\u2029",
  "\u202e",
  "__proto__",
  "constructor",
  "hasOwnProperty",
  "toString",
  "'; DROP TABLE events; --",
  "' OR 1=1 --",
  "$1",
  "?",
  "%",
  "%00",
  "%ff",
  "%zz",
  "../../etc/passwd",
  "<script>alert(1)</script>",
  "${7*7}",
  "{{7*7}}",
  "NaN",
  "Infinity",
  "-1",
  "1e400",
  "9".repeat(400),
  "-0",
  "0x10",
  "1970-01-01",
  "2100-12-31",
  "9999-12-31",
  "null",
  "true",
  "[]",
  "{}",
  '{"and":[]}',
  `${"(".repeat(500)}1${")".repeat(500)}`,
  `${"[".repeat(2_000)}${"]".repeat(2_000)}`,
  "a".repeat(4_000),
  "é".repeat(2_000),
  "👩‍👩‍👧‍👦".repeat(50),
  "Z̮̞̠͙͔ͅḀ̗̞͈̻̗Ḷ͙͎̯̹̞͓G̻O̭̗̮"
]

/** Texts that programs stumble over: our own and, where they are at hand, the big list of naughty strings. */
export const hostileTexts: ReadonlyArray<string> = [
  ...OWN,
  ...(vectorsAreHere ? (vectorJson("blns/blns.json") as ReadonlyArray<string>) : [])
]

const FOLDER = "JSONTestSuite/test_parsing"

/** Bytes that no JSON parser may take; large ones are left to the suite of their own. */
export const brokenJson: ReadonlyArray<Uint8Array> = [
  ...["", "[", "[1,]", '{"a":1', "nul", "[01]", "'a'", "[1]x", "{,}", '["\n"]', "\u0000"].map((text) =>
    Buffer.from(text)
  ),
  ...[[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0x22, 0x80, 0x22], [0xf5, 0x80, 0x80, 0x80]].map((bytes) =>
    Uint8Array.from(bytes)
  ),
  ...vectorFiles(FOLDER)
    .filter((name) => name.startsWith("n_"))
    .map((name) => vectorBytes(`${FOLDER}/${name}`))
    .filter(({ length }) => length < 4_096)
]
