/** What only a sandbox itself can tell, before there is one. */
export const unknownFacts = { pty: "after-setup", separateUsers: "after-setup" } as const;
