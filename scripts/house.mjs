// Plain JavaScript, no dependencies: the shape of the house. Prints rooms, arrows and sizes; exits 1 where an import goes
// up a floor or where rooms form a circle.
//   node scripts/house.mjs
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, normalize, relative, sep } from "node:path"
import { fileURLToPath } from "node:url"

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Lowest floor first: a room imports from those before it. Rooms are folders, and files that lie beside them. */
const FLOORS = {
  "packages/core/src": "event metric port kit memory flow wire index.ts".split(" "),
  "packages/server/src":
    "observe adapters keys folder backup http limits auth config.ts routes App.ts Server.ts facade process index.ts main.ts".split(
      " "
    )
}

const IMPORT = /(?:from|import)\s*\(?\s*"(\.[^"]+)"/gu

const filesIn = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath, entry.name))

const roomOf = (source, file) => {
  return relative(source, file).split(sep)[0]
}

/** From each room the rooms that it imports from, with an example of each arrow. */
const arrowsOf = (source) => {
  const arrows = new Map()
  for (const file of filesIn(source)) {
    const from = roomOf(source, file)
    if (!arrows.has(from)) arrows.set(from, new Map())
    for (const [, specifier] of readFileSync(file, "utf8").matchAll(IMPORT)) {
      const target = normalize(join(dirname(file), specifier))
      const to = roomOf(source, target)
      if (!relative(source, target).startsWith("..") && to !== from)
        arrows.get(from).set(to, `${relative(source, file)} imports ${relative(source, target)}`)
    }
  }
  return arrows
}

/** Rooms that reach themselves. */
const circleOf = (arrows) =>
  [...arrows.keys()].filter((start) => {
    const seen = new Set()
    const next = [...arrows.get(start).keys()]
    while (next.length > 0) {
      const room = next.pop()
      if (seen.has(room)) continue
      seen.add(room)
      next.push(...(arrows.get(room)?.keys() ?? []))
    }
    return seen.has(start)
  })

const medianLines = (files) => {
  const lines = files.map((file) => readFileSync(file, "utf8").split("\n").length - 1).toSorted((a, b) => a - b)
  return lines[lines.length >>> 1] ?? 0
}

const linesOf = (files) => files.reduce((sum, file) => sum + readFileSync(file, "utf8").split("\n").length - 1, 0)

let failed = false
const refuse = (text) => {
  failed = true
  console.log(`  ${text}`)
}

for (const folder of ["packages", "packages/adapters"]) {
  for (const name of readdirSync(join(root, folder)).toSorted()) {
    const source = join(root, folder, name, "src")
    const files = (() => {
      try {
        return filesIn(source)
      } catch {
        return []
      }
    })()
    if (files.length === 0) continue
    const arrows = arrowsOf(source)
    const count = [...arrows.values()].reduce((sum, to) => sum + to.size, 0)
    const sizes = `${files.length} files, ${linesOf(files)} lines, median ${medianLines(files)}`
    console.log(`${folder}/${name}: ${arrows.size} rooms, ${count} arrows; ${sizes}`)
    const floors = FLOORS[`${folder}/${name}/src`]
    if (floors === undefined) continue
    for (const [from, to] of arrows) {
      if (!floors.includes(from)) refuse(`${from} has no floor`)
      for (const [room, example] of to)
        if (floors.indexOf(room) > floors.indexOf(from)) refuse(`upward, ${from} → ${room}: ${example}`)
    }
    const circle = circleOf(arrows)
    if (circle.length > 0) refuse(`in a circle: ${circle.join(", ")}`)
  }
}
process.exitCode = failed ? 1 : 0
