// The far side of every call: the imports of a component, which `component.js` puts here, or the stand-ins of `testing.js`.
// Both have the functions that the modules of the SDK call; nothing else holds state.
import { StepError } from "./errors.js";

let installed = null;

/** Puts another far side in place and returns the one before. */
export function install(host) {
  const before = installed;
  installed = host;
  return before;
}

/** The far side, or null in a test without one. */
export function present() {
  return installed;
}

/** The far side; `what` says in the error what was tried without one. */
export function host(what) {
  if (installed === null) throw new StepError("unavailable", `there is no host for ${what}: install a stand-in of testing.js`);
  return installed;
}
