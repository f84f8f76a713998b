import { type CountingName, countingNames, metrics, parametersIn } from "@millrace/core"
import { Effect } from "effect"
import { Command } from "effect/cli"
import { json, place } from "./flags.ts"
import { flagsOf, parametersOf } from "./stats/flags.ts"
import { members } from "./stats/members.ts"
import { givenOf, show } from "./stats/shared.ts"
import { answerOf, renderAnswer } from "../render/renderAnswer.ts"

const metricCommand = (name: CountingName) => {
  const { description, params, title } = metrics[name]
  const parameters = parametersIn(params)
  const flags = flagsOf(parameters)
  return Command.make(name, { ...flags, json, ...place }, (all) => {
    const given = givenOf(flags, all)
    return Effect.flatMap(parametersOf(parameters, given), (values) =>
      show(given, name, values, {
        schema: answerOf(name),
        render: (answer, style) => renderAnswer(name, answer, style)
      })
    )
  }).pipe(Command.withDescription(title ?? description.replace(/\.$/u, "")))
}

const metricCommands = countingNames.map(metricCommand)

export const stats = Command.make("stats").pipe(
  Command.withDescription("Ask for statistics"),
  Command.withSubcommands([...metricCommands, members]),
  Command.withExamples([
    {
      command: "millrace stats dau --from 2026-01-01 --to 2026-01-31 --tz Europe/Berlin",
      description: "A month of daily users"
    },
    {
      command: "millrace stats retention --interval month --data ./data",
      description: "Monthly cohorts, straight from a folder"
    },
    {
      command:
        "millrace stats funnel --step visit --step 'event_type = \"buy\" and properties.amount > 10' --window 1d",
      description: "How many get from a visit to a large purchase within a day"
    }
  ])
)
