/** Numbers for projects, so that a record costs four bytes for its project. Numbers start at 1. */
export class Projects {
  readonly #numbers = new Map<string, number>()
  readonly #names: Array<string> = [""]

  number(project_id: string): number {
    const known = this.#numbers.get(project_id)
    if (known !== undefined) return known
    const number = this.#names.push(project_id) - 1
    this.#numbers.set(project_id, number)
    return number
  }

  name(number: number): string {
    return this.#names[number]!
  }
}
