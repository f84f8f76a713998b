import { expect, it } from "vitest"
import { parseLines, parseStanzas } from "../src/aptSources.ts"

it("deb822 stanzas: comments and third fields are passed over", () => {
  const text =
    "# one\nTypes: deb\n# more\nURIs: http://a.test/debian\nSuites: x x-updates\nComponents: main\nSigned-By: /k.gpg\n"
  expect(parseStanzas(text)).toStrictEqual([
    { uris: "http://a.test/debian", suites: "x x-updates", components: "main", signedBy: "/k.gpg" }
  ])
})

it("one-line sources: options are read, sources of source code are not", () => {
  const text =
    "deb [arch=amd64 signed-by=/k.gpg] http://a.test/debian x main contrib\ndeb-src http://a.test/debian x main\n"
  expect(parseLines(text)).toStrictEqual([
    { uris: "http://a.test/debian", suites: "x", components: "main contrib", signedBy: "/k.gpg" }
  ])
})
