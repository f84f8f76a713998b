import type { PlantedBug } from "@millrace/test-services"

export type Mutant = PlantedBug

export const mutants: ReadonlyArray<Mutant> = []
