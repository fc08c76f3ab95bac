import type { ToolboxRoutes } from "../toolbox-call.ts";
import { addBranchRoutes } from "./branch-routes.ts";
import { addCheckoutRoute } from "./checkout-route.ts";
import { addCloneRoute } from "./clone-route.ts";
import { addCommitRoutes } from "./commit-routes.ts";
import { addGitConfigRoutes } from "./config-routes.ts";
import { addNewerGitRoutes } from "./newer-routes.ts";
import { addRemoteRoutes } from "./remote-routes.ts";
import { addStatusRoute } from "./status-route.ts";

export function addGitRoutes(routes: ToolboxRoutes, { newer }: { readonly newer: boolean }): void {
  addCloneRoute(routes);
  addStatusRoute(routes);
  addBranchRoutes(routes);
  addCheckoutRoute(routes);
  addCommitRoutes(routes);
  addRemoteRoutes(routes);
  if (!newer) return;
  addNewerGitRoutes(routes);
  addGitConfigRoutes(routes);
}
