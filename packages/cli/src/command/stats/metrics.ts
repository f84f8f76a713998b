import { type CountingName, countingNames, metrics, parametersIn } from "@millrace/core"
import { Effect } from "effect"
import { Command } from "effect/cli"
import { answerOf, renderAnswer } from "../../render/renderAnswer.ts"
import { json, place } from "../flags.ts"
import { flagsOf, parametersOf } from "./flags.ts"
import { givenOf, show } from "./shared.ts"

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

export const metricCommands = countingNames.map(metricCommand)
