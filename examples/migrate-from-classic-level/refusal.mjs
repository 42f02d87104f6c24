/** Why the program does not begin: wrong arguments, or stores that it must not touch. Ends it with exit code 2. */
export class Refusal extends Error {}
