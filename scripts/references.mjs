// Plain JavaScript, no dependencies: whatever a document or a comment refers to is there. Walks all .md files, and the
// comments of all sources, for links and their anchors, documents, files in backticks, and decisions by number; and holds
// ADR.md to the files that it lists. Prints what leads nowhere; exits 1 if there is any.
//   node scripts/references.mjs
import { existsSync, readFileSync, statSync } from "node:fs"
import { spawnSync } from "node:child_process"
import { basename, dirname, join, posix } from "node:path"
import { fileURLToPath } from "node:url"

const root = dirname(dirname(fileURLToPath(import.meta.url)))

const MAX_DECISION_LINES = 40

/** What is tracked, and what is new and not ignored. */
const files = spawnSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: root,
  encoding: "utf8",
  maxBuffer: 64 << 20
})
  .stdout.split("\n")
  .filter((file) => file !== "" && existsSync(join(root, file)) && statSync(join(root, file)).isFile())

const read = (file) => readFileSync(join(root, file), "utf8")

const tails = new Set()
for (const file of files) {
  const parts = file.split("/")
  parts.forEach((_, index) => tails.add(parts.slice(index).join("/")))
}

/** Whether a path is one of ours, from the root, from beside the file that names it, or by its end. */
const isThere = (path, from) => {
  const clean = posix.normalize(path).replace(/\/$/u, "")
  return (
    tails.has(clean) ||
    tails.has(clean.replace(/^(?:\.\.?\/)+/u, "")) ||
    existsSync(join(root, clean)) ||
    existsSync(join(root, dirname(from), clean))
  )
}

/** As a heading's link is written by those who show Markdown. */
const slugOf = (heading) =>
  heading
    .toLowerCase()
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/gu, "$1")
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replaceAll(/\s/gu, "-")

const withoutFences = (text) => text.replaceAll(/^```[\s\S]*?^```/gmu, "")

const headingsOf = (file) =>
  [...withoutFences(read(file)).matchAll(/^#+ (.*)$/gmu)].map(([, heading]) => heading.trim())

const decisions = new Map()
for (const file of files) {
  const number = /^docs\/adr\/(\d{4})-[^/]+\.md$/u.exec(file)?.[1]
  if (number !== undefined) decisions.set(Number(number), file)
}

const found = []
const refuse = (file, what) => found.push(`${file}: ${what}`)

/** Where a part of a generated page comes to lie. */
const LIES_IN = new Map([["packages/core/test/semantics/common.md", "docs/semantics.md"]])

/** Links of a Markdown file to files of ours, and to headings in them. */
const checkLinks = (source, text) => {
  const file = LIES_IN.get(source) ?? source
  for (const [, target] of text.replaceAll(/`[^`\n]*`/gu, "").matchAll(/\]\(([^)\s]+)\)/gu)) {
    if (/^[a-z]+:/u.test(target)) continue
    const [path, anchor] = target.split("#")
    const linked = path === "" ? file : posix.normalize(posix.join(posix.dirname(file), path))
    if (!existsSync(join(root, linked))) refuse(file, `the link ${target} leads nowhere`)
    else if (anchor !== undefined && linked.endsWith(".md") && !headingsOf(linked).some((it) => slugOf(it) === anchor))
      refuse(file, `${linked} has no heading #${anchor}`)
  }
}

/** A path by its look: a folder of ours, or a file with an ending that only files in the repository have. */
const PATH =
  /^(?:(?:packages|docs|scripts|bench|deploy|examples|\.ci|\.changeset)\/[\w@./-]+|(?:\.\.?\/)*[\w@.-]+(?:\/[\w@.-]+)*\.(?:ts|mjs|md|sql|yml|conf))$/u

/** Tests of ClickHouse, which published cases name as their sources; and names that stand for any. */
const ELSEWHERE = /^\d{5}_\w+\.sql$|NNNN/u

const checkPaths = (file, text) => {
  for (const [, path] of text.matchAll(/`([^`\n]+)`/gu)) {
    if (PATH.test(path) && !ELSEWHERE.test(path) && !isThere(path, file)) refuse(file, `there is no ${path}`)
  }
}

/** Files in a picture or in code, where nothing frames them. */
const checkFences = (file, text) => {
  for (const [fence] of text.matchAll(/^```[\s\S]*?^```/gmu)) {
    for (const [path] of fence.matchAll(/(?:[\w@.-]+\/)+[\w.-]+\.(?:ts|mjs|md)\b/gu)) {
      if (!ELSEWHERE.test(path) && !isThere(path, file)) refuse(file, `there is no ${path}`)
    }
  }
}

/** `docs/page.md`, "Heading"; PAGE.md. */
const checkDocuments = (file, text) => {
  for (const [, path, heading] of text.matchAll(/(?<![\w/.-])(docs\/[\w./-]+\.md|[A-Z]{3,}\.md)`?(?:, "([^"]+)")?/gu)) {
    if (!ELSEWHERE.test(path) && !isThere(path, file)) refuse(file, `there is no ${path}`)
    else if (heading !== undefined && !headingsOf(path).includes(heading)) refuse(file, `${path} has no "${heading}"`)
  }
}

/** Pages by their bare names: `SEMANTICS` says neither where it lies nor that it is a file. */
const PAGES = new Set(files.flatMap((file) => /^docs\/([\w-]+)\.md$/u.exec(file)?.[1].toUpperCase() ?? []))

const checkMentions = (file, text) => {
  for (const [, number] of text.matchAll(/\bADR (\d+)\b/gu)) {
    if (!decisions.has(Number(number))) refuse(file, `there is no decision ${number}`)
  }
  for (const [, name, section] of text.matchAll(/\b([A-Z][A-Z-]{3,})\b(?!\.md)( §|, ")?/gu)) {
    if (section !== undefined || PAGES.has(name)) refuse(file, `${name} is no document of ours; say docs/….md`)
  }
}

const LINE_COMMENTS = { ts: "//", mjs: "//", js: "//", sql: "--", yml: "#", conf: "#", sh: "#" }

/** The comments of a source, by line; as well as those of a block, without what frames them. */
const commentsOf = (file, text) => {
  const mark = LINE_COMMENTS[file.split(".").at(-1)]
  if (mark === undefined) return ""
  const lines = [...text.matchAll(new RegExp(`(?:^|\\s)${mark}\\s(.*)$`, "gmu"))].map(([, line]) => line)
  const blocks = mark === "//" ? [...text.matchAll(/\/\*\*?([\s\S]*?)\*\//gu)].map(([, block]) => block) : []
  return [...lines, ...blocks.map((block) => block.replaceAll(/\n\s*\* ?/gu, " "))].join("\n")
}

/** ADR.md lists each decision as its file has it. */
const checkDecisions = () => {
  const index = read("ADR.md")
  const numbers = [...decisions.keys()].toSorted((a, b) => a - b)
  numbers.forEach((number, place) => {
    const file = decisions.get(number)
    const text = read(file)
    const [first, second] = text.split("\n")
    const title = /^# (\d+)\. (.+)$/u.exec(first)
    const dated = /^(\d{4}-\d{2}-\d{2}) · (.+)$/u.exec(second ?? "")
    if (number !== place + 1) refuse(file, `number ${place + 1} is missing, or given twice`)
    if (title === null || Number(title[1]) !== number) return refuse(file, `begins with "# ${number}. Title"`)
    if (dated === null) return refuse(file, 'has "YYYY-MM-DD · status" in its second line')
    const status = dated[2].replaceAll("](0", "](docs/adr/0")
    const row = `| ${number} | [${title[2]}](${file}) | ${dated[1]} | ${status} |`
    if (!index.includes(row)) refuse("ADR.md", `lacks the row\n    ${row}`)
    if (!text.includes("\n## Decision\n")) refuse(file, 'has a "## Decision"')
    const lines = text.split("\n").length - 1
    if (lines > MAX_DECISION_LINES) refuse(file, `${lines} lines, of at most ${MAX_DECISION_LINES}`)
  })
}

for (const file of files) {
  if (basename(file) === "references.mjs" || file === "pnpm-lock.yaml") continue
  if (file.endsWith(".md")) {
    const text = withoutFences(read(file))
    checkFences(file, read(file))
    checkLinks(file, text)
    checkPaths(file, text)
    checkDocuments(file, text)
    checkMentions(file, text)
  } else {
    const text = read(file)
    const comments = commentsOf(file, text)
    checkPaths(file, comments)
    checkDocuments(file, text)
    checkMentions(file, comments)
  }
}
checkDecisions()
for (const line of found) console.log(line)
process.exitCode = found.length > 0 ? 1 : 0
