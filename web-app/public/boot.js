// Starts the explorer, and says so when it cannot be started.
import init from "/web-app.js";

init({ module_or_path: "/web-app_bg.wasm" }).catch((error) => {
  const words = document.getElementById("boot-words");
  if (words) words.textContent = `The explorer could not be started: ${error}`;
});
