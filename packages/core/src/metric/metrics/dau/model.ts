import { Schema } from "effect"
import * as Params from "../../params.ts"
import { rolling } from "../active-users/model.ts"

export const params = Schema.Struct({ ...Params.range, rolling, ...Params.common }).check(Params.rangeCheck)
