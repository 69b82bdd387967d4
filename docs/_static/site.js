// The theme's toggles of the side bar have a picture and no name; screen readers need one.
for (const toggle of document.querySelectorAll("summary:has(> .toctree-toggle)")) {
  const link = toggle.closest("li").querySelector("a");
  toggle.setAttribute("aria-label", `Pages of ${link.textContent.trim()}`);
}
