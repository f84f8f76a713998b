// Looks through everything that the servers of a test run wrote for secrets and personal data; ends with 1 where there is any.
//   node scripts/searchLogs.mjs FOLDER [least number of lines]
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

/** Each with a sample that it must find, so that a pattern that finds nothing is noticed. */
const NEVER = [
  ["an API key or a session token", /mr_[a-z]_[0-9A-Za-z]{20,}/u, `mr_w_${"a".repeat(43)}`],
  ["a JSON Web Token", /eyJ[\w-]{8,}\.eyJ[\w-]{8,}\./u, `eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhZGEifQ.${"s".repeat(20)}`],
  ["a password's hash", /\$argon2/u, "$argon2id$v=19$m=19456"],
  ["a private key", /-----BEGIN|"d"\s*:\s*"/u, "-----BEGIN PRIVATE KEY-----"],
  ["an address of mail", /[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}\b/iu, "ada@shop.example"],
  ["a part of an event", /\\?"(?:user_id|properties)\\?"\s*:/u, '{"user_id":"ada"}'],
  ["something that a test planted", /planted[-._]/iu, "planted-user"]
]

const [folder, least = "0"] = process.argv.slice(2)
const dull = NEVER.filter(([, pattern, sample]) => !pattern.test(sample)).map(([name]) => name)
const names = readdirSync(folder)
const secrets = new Set(
  names
    .filter((name) => name.endsWith(".secrets.json"))
    .flatMap((name) => JSON.parse(readFileSync(join(folder, name), "utf8")))
)

let lines = 0
const found = []
for (const name of names.filter((other) => other.endsWith(".log"))) {
  for (const [at, line] of readFileSync(join(folder, name), "utf8").split("\n").entries()) {
    lines++
    for (const [what, pattern] of NEVER) if (pattern.test(line)) found.push(`${name}:${at + 1}: ${what}`)
    for (const secret of secrets)
      if (line.includes(secret)) found.push(`${name}:${at + 1}: a secret that a server was given`)
  }
}

for (const place of found) console.error(place)
for (const name of dull) console.error(`the pattern of ${name} does not find its sample`)
console.log(
  `logs of the suite: ${lines} lines, ${secrets.size} secrets given to servers, ${found.length} places with secrets or personal data`
)
if (lines < Number(least)) console.error(`there should be ${least} lines or more in ${folder}`)
process.exitCode = found.length + dull.length > 0 || lines < Number(least) ? 1 : 0
