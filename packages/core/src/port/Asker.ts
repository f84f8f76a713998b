import { Context } from "effect"

/** Whose question a warehouse is answering: its turns are shared by project, and within one by who asks. */
export interface AskedBy {
  /** Empty: the process itself. */
  readonly project: string
  /** A key or a person of the project; empty where that is not known. */
  readonly id: string
}

export const Asker = Context.Reference<AskedBy>("@millrace/core/Asker", {
  defaultValue: () => ({ project: "", id: "" })
})
