// A button with `data-copy` copies that text and says so, on itself and to screen readers.
{
  const SAID_MS = 1600;
  document.addEventListener("click", async event => {
    const button = event.target.closest("button[data-copy]");
    if (!button) return;
    const before = button.textContent;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed: select it instead";
    }
    button.setAttribute("aria-live", "polite");
    setTimeout(() => { button.textContent = before; }, SAID_MS);
  });
}
