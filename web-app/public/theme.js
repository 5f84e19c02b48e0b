// Sets the chosen theme before the first paint. A file of its own, because the page's CSP allows no inline script.
(() => {
  let theme = null;
  try {
    theme = localStorage.getItem("sidelight.theme");
  } catch {
    // Storage is switched off: the system's theme is used.
  }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
