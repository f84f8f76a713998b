import { isMetricName, MAX_EVENTS_PER_REQUEST, metricNames, nearest, pipelineDefaults } from "@millrace/core"
import { Layer } from "effect"
import { mkdirSync, statSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { isOrigin } from "../http/origins.ts"
import { BadKeys, isProject, parseKeys } from "../keys/configuredKeys.ts"
import type { BasePath } from "../routes/docs.ts"
import type { MillraceOptions } from "./createMillrace.ts"
import { MillraceError } from "./MillraceError.ts"

/** What is wrong with a value; undefined when nothing is. */
type Rule = (value: unknown) => string | undefined

export const refuseArgument = (field: string, rule: string, cause?: unknown): MillraceError =>
  new MillraceError("invalid_argument", `${field} ${rule}.`, { field, cause })

const rule =
  (holds: (value: unknown) => boolean, text: string): Rule =>
  (value) =>
    holds(value) ? undefined : text

const isText = (value: unknown): value is string => typeof value === "string"
const isWhole = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 1

const PATH_TEXT = "must be a path like /analytics: letters, digits and _ . ~ -, its parts separated by single slashes"
/** Its slashes may be left out and doubled at its ends: that can mean but one path. */
const PATH = /^\/?[\w.~-]+(?:\/[\w.~-]+)*\/?$|^\/?$/u
const isPath = (value: unknown) =>
  isText(value) && PATH.test(value) && !value.split("/").some((part) => /^\.+$/u.test(part))

const keysRule: Rule = (value) => {
  if (!isText(value)) return "must be a text: project:scope:key,…"
  try {
    parseKeys(value)
    return undefined
  } catch (error) {
    if (error instanceof BadKeys) return `has a bad entry ${error.position}: ${error.reason}`
    throw error
  }
}

const pipelineRule: Rule = (value) => {
  if (typeof value !== "object" || value === null) return "must be an object of numbers"
  for (const [name, given] of Object.entries(value)) {
    if (given === undefined) continue
    if (!Object.hasOwn(pipelineDefaults, name)) return `has no ${name}${meant(name, Object.keys(pipelineDefaults))}`
    if (name !== "loops" && !isWhole(given)) return `must have a whole number of 1 or more as ${name}`
  }
  return undefined
}

const rules: { readonly [Name in keyof MillraceOptions]-?: Rule } = {
  directory: rule((value) => isText(value) && value !== "" && !value.includes("\0"), "must be the path of a folder"),
  layer: rule(Layer.isLayer, "must be an Effect layer of a queue, a hot store and a warehouse"),
  keys: keysRule,
  authorize: rule((value) => typeof value === "function", "must be a function from a request to a grant or false"),
  open: rule((value) => typeof value === "boolean", "must be true or false"),
  origins: rule(
    (value) => Array.isArray(value) && value.every((origin) => isText(origin) && isOrigin(origin)),
    "must be a list of web origins like https://dashboard.example"
  ),
  basePath: rule(isPath, PATH_TEXT),
  pipeline: pipelineRule
}

const meant = (given: string, names: Iterable<string>): string => {
  const name = nearest(given, names)
  return name === undefined ? "" : ` (did you mean ${name}?)`
}

/**
 * Plain JavaScript has no types to tell it: each option is held against its rule, and what is none is refused by its
 * name.
 */
export const checkOptions = (options: unknown): MillraceOptions => {
  checkFields("options", options, rules)
  const { basePath, directory, layer, ...rest } = options as MillraceOptions
  if (layer === undefined && directory !== undefined) makeFolder(resolve(directory), OWNER_ONLY)
  const [place, path] = [directory && resolve(directory), basePath && pathOf(basePath)]
  return {
    ...rest,
    ...(layer === undefined ? {} : { layer }),
    ...(place === undefined ? {} : { directory: place }),
    ...(path === undefined ? {} : { basePath: path })
  }
}

/** With the slash before it and none after it. */
const pathOf = (text: string): BasePath => {
  const parts = text.replaceAll(/^\/|\/$/gu, "")
  return parts === "" ? "" : `/${parts}`
}

const checkFields = (name: string, given: unknown, known: Readonly<Record<string, Rule>>): void => {
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw refuseArgument(name, "must be an object")
  for (const [field, value] of Object.entries(given)) {
    if (!Object.hasOwn(known, field)) {
      throw refuseArgument(field, `is not known here${meant(field, Object.keys(known))}`)
    }
    const broken = value === undefined ? undefined : known[field]!(value)
    if (broken !== undefined) throw refuseArgument(field, broken)
  }
}

/** What lies in it is about people. */
const OWNER_ONLY = 0o700

/** Step by step: where a folder cannot be made, as below /proc, asking for all of it at once never returns. */
const makeFolder = (path: string, mode?: number): void => {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found?.isDirectory() === true) return
  if (found !== undefined) throw refuseArgument("directory", "is not a folder")
  if (dirname(path) !== path) makeFolder(dirname(path))
  try {
    mkdirSync(path, { mode })
  } catch (cause) {
    throw refuseArgument(
      "directory",
      `cannot be made: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause
    )
  }
}

const inProject: Readonly<Record<string, Rule>> = {
  project: rule((value) => isText(value) && isProject(value), "must be a text of 1–64 letters, digits, _ or -")
}

/** The second thing that most calls take. */
export const checkInProject = (given: unknown): void => {
  if (given !== undefined) checkFields("options", given, inProject)
}

export const checkEvents = (events: unknown): void => {
  if (Array.isArray(events)) return
  const hint = typeof events === "object" && events !== null ? "; of one event it is [event]" : ""
  throw refuseArgument(
    "events",
    `must be a list of events, of any length (it is sent on in slices of ${MAX_EVENTS_PER_REQUEST})${hint}`
  )
}

export const checkParams = (params: unknown): void => {
  if (typeof params !== "object" || params === null || Array.isArray(params)) {
    throw refuseArgument("params", "must be an object with the metric's parameters")
  }
}

export const checkMetric = (metric: unknown): void => {
  if (!isText(metric)) throw refuseArgument("metric", "must be the name of a metric")
  if (isMetricName(metric)) return
  throw new MillraceError("unknown_metric", `There is no metric ${metric}${meant(metric, metricNames)}.`, {
    field: "metric"
  })
}
