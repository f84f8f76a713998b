import { Context } from "effect"

/** Who asks the question that a warehouse is answering: turns are shared by project, and within one by who asks. */
export interface AskerId {
  /** The project's name; empty where the process itself asks. */
  readonly project: string
  /** The key or account of the project; empty where that is not known. */
  readonly id: string
}

export const Asker = Context.Reference<AskerId>("@millrace/core/Asker", {
  defaultValue: () => ({ project: "", id: "" })
})
