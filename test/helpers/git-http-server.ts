export {
  type GitServer,
  startGitServer,
} from "../../examples/quickstart/demo-repository/git-http-server.ts";
