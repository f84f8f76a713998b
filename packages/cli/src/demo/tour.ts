import { Clock, Effect } from "effect"
import { grouped } from "../render/table.ts"
import { bold, dim, type Style } from "../render/Style.ts"
import { get, type Target } from "../target/Target.ts"
import { DEMO_DAYS, DEMO_USERS } from "./demoShop.ts"
import type { DemoFill } from "./fillDemo.ts"

const DAY_MILLIS = 86_400_000
const SHORTENED_CHARACTERS = 220

/** What to open, three questions with the answers this server gives right now, and how to bring one's own file. */
export const tour = Effect.fnUntraced(function* (
  target: Target,
  filled: DemoFill | undefined,
  command: string,
  style: Style
) {
  const now = yield* Clock.currentTimeMillis
  const day = (before: number) => new Date(now - before * DAY_MILLIS).toISOString().slice(0, 10)
  const paths = [
    `/stats/dau?from=${day(6)}&to=${day(0)}`,
    `/stats/top-events?from=${day(29)}&to=${day(0)}&limit=5`,
    `/stats/retention?start_date=${day(28)}&windows=4`
  ]
  const answers = yield* Effect.forEach(paths, (path) =>
    Effect.map(get(target, path), (answer) => [`  curl '${target.name}${path}'`, dim(`  ${shortened(answer)}`, style)])
  )
  return [
    ...(filled === undefined ? [] : [filledLine(filled), ""]),
    `${bold("Open", style)}  ${target.name}/docs`,
    "",
    bold("Ask", style),
    ...answers.flat(),
    "",
    bold("See", style),
    `  ${command} stats retention`,
    "",
    bold("Import your own", style),
    `  ${command} import FILE.csv --map user_id=COLUMN --map occurred_at=COLUMN --event-type-value purchase`,
    dim(
      "  --help says how times, properties, gzip and NDJSON are read; --data ./other starts without the demo shop",
      style
    ),
    "",
    dim("Ctrl-C stops the server.", style)
  ]
})

const filledLine = ({ endDay, events, seconds }: DemoFill) =>
  `The data folder was empty, so it now holds a demo shop: ${grouped(events)} generated events of ${grouped(DEMO_USERS)} invented ` +
  `users, ${DEMO_DAYS} days up to ${endDay} (${seconds.toFixed(1)} s). Each says "generated": true.`

/** The rows are what one wants to see; the parameters stand in the line above. */
const shortened = (full: string) => {
  const answer = full.replace(/"params":\{[^}]*\}/u, '"params":{…}')
  return answer.length <= SHORTENED_CHARACTERS ? answer : `${answer.slice(0, SHORTENED_CHARACTERS)}…`
}
